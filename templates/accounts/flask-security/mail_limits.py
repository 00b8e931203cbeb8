"""Limits how many mails anybody can have sent to one address.

The forms that send mail are public, so they could fill a stranger's mailbox. Each kind of mail
has a count of its own, so that requests for one kind cannot suppress another. What mails nothing
is counted apart too, with the same work: so the limit does not show whether an address has an
account. Source: OWASP ASVS 2.4.1, 6.3.8.
"""

from hashlib import sha256

from limits import parse

from app.crypto.blind_indexes import normalise
from app.security.rate_limiter import rate_limiter

LIMIT = parse("5 per hour")
# The kind of a mail that nobody gets.
NOTHING = "nothing"


def may_send(kind: str, address: str) -> bool:
    """Count one mail of a kind to an address, and return whether the limit allows it.

    Notices are not counted: an attacker could use the count up to suppress them.
    """
    # Hashed, so that Redis holds no addresses; normalised, so that spellings share a count.
    text = normalise(address).encode("utf-8", "surrogatepass")
    return rate_limiter().hit(LIMIT, ("mail", kind, sha256(text).hexdigest()))
