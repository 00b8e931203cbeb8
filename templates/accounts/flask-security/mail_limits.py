"""Limits how many mails anybody can have sent to one address.

The forms that send mail are public, so they could fill a stranger's mailbox. All of them
share one count, and an unknown address is counted too: so the limit does not show whether it
has an account. Source: OWASP ASVS 2.4.1, 6.3.8.
"""

from hashlib import sha256

from limits import parse

from app.crypto.blind_indexes import normalise
from app.security.rate_limiter import rate_limiter

LIMIT = parse("5 per hour")


def may_send(address: str) -> bool:
    """Count one mail to an address, and return whether the limit allows it.

    Notices are not counted: an attacker could use the count up to suppress them.
    """
    # Hashed, so that Redis holds no addresses; normalised, so that spellings share a count.
    text = normalise(address).encode("utf-8", "surrogatepass")
    return rate_limiter().hit(LIMIT, ("mail", sha256(text).hexdigest()))
