"""Networks in which a user has shown both factors within the last 30 days.

Wrong codes of other networks do not count there, so a thief of the password cannot lock the owner
out.
"""

from secure_flask.accounts import places
from secure_flask.accounts.users import AccountMixin
from secure_flask.web.counters import client_address

TRUSTED_FOR = 30 * 24 * 60 * 60  # seconds
TRUSTED = "trusted network"


def present_network() -> bytes:
    """The hash of the network of this request: a /64, or an IPv4 address."""
    return places.keyed_hash("network", client_address())


def is_network_trusted(user: AccountMixin) -> bool:
    return places.is_known_place(user, TRUSTED, client_address())


def trust_network(user: AccountMixin) -> None:
    """Trust the network of this request, within the caller's transaction, which locks the user."""
    places.remember_place(user, TRUSTED, client_address(), TRUSTED_FOR)


def count_trusted_networks(user: AccountMixin) -> int:
    return places.count_places(user, TRUSTED)
