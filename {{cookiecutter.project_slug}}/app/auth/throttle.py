"""Failed attempts slow the next ones: no password is found by trying.

Only failures count, for each address, and so for each account from that address. When
one account fails from many addresses, each of those is left a single try, the owner's
too, so that nobody can lock somebody else out. Source: OWASP ASVS 6.1.1, 6.3.1.
"""

from hashlib import sha256

from flask import Response, current_app
from limits import RateLimitItem, parse

from app.security import audit
from app.security.limits import Key, client_address, counts, too_many

ACCOUNT_FACTOR = 10  # how many times LOGIN_RATE_LIMIT an account may fail from everywhere
# One customer may hold so much of IPv6, which is 65,536 networks.
SITE = 48

Check = tuple[RateLimitItem, Key]


def refuse(purpose: str, account: str | None = None) -> Response | None:
    """An answer with 429 when this has failed too often, else None.

    Requests in flight together are all let through: the cap on hashes bounds those.
    """
    checks = [_by_address(purpose)]
    if account is not None:
        everywhere, single = _by_account(purpose, account)
        checks += [] if counts().test(*everywhere) else [single]
    for limit, key in checks:
        if not counts().test(limit, key):
            audit.record(audit.RATE_LIMIT_EXCEEDED, account=account)
            return too_many(limit, key)
    return None


def count_failure(purpose: str, account: str | None = None) -> None:
    checks = [_by_address(purpose)]
    if account is not None:
        checks += _by_account(purpose, account)
    for limit, key in checks:
        counts().hit(limit, key)


def _by_address(purpose: str) -> Check:
    return parse(current_app.config["LOGIN_RATE_LIMIT"]), (purpose, client_address())


def _by_account(purpose: str, account: str) -> list[Check]:
    limit, _ = _by_address(purpose)
    # Hashed, so that no name stands in Redis and none is longer than another.
    name = sha256(account.encode()).hexdigest()
    everywhere = (_scaled(limit, limit.amount * ACCOUNT_FACTOR), (purpose, name))
    return [everywhere, (_scaled(limit, 1), (purpose, client_address(SITE), name))]


def _scaled(limit: RateLimitItem, amount: int) -> RateLimitItem:
    return type(limit)(amount, limit.multiples)
