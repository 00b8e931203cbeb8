"""Failed attempts slow the next ones: no password is found by trying.

Only failures count: for each address, more loosely for each IPv6 site, and for each account.
An attempt in flight counts as a failure until it turns out good. When one account fails from
many addresses, each of those is left a single try, the owner's too, so that nobody can lock
somebody else out. Source: OWASP ASVS 6.1.1, 6.3.1.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256

from flask import current_app
from limits import RateLimitItem, parse

from app.security import audit
from app.security.rate_limiter import Key, rate_limiter
from app.security.rate_limits import SITE, client_address, too_many_requests

ACCOUNT_FACTOR = 10  # how many times LOGIN_RATE_LIMIT an account may fail from everywhere
SITE_FACTOR = 10  # and how many times a site of IPv6 may
# Attempts of one client on one account at the same time, so that places for hashes are left
# to others. Never by account alone: a stranger could then keep its owner out.
AT_ONCE = 3

Check = tuple[RateLimitItem, Key]


@dataclass
class Attempt:
    """Somebody tries a secret. The one who checks it sets `good`; otherwise it has failed."""

    good: bool = False


@contextmanager
def attempt(purpose: str, account: str | None = None) -> Iterator[Attempt]:
    """Let an attempt through, or answer 429 when this has failed too often.

    What ends in an exception, such as a database that is away, counts as neither. Without an
    account the secret is a random token: nobody guesses it by trying many at the same time.
    """
    limits = rate_limiter()
    with ExitStack() as stack:
        for limit, key in _checks(purpose, account):
            asked = (
                limits.in_flight(limit, key) if account else nullcontext(limits.test(limit, key))
            )
            if not stack.enter_context(asked):
                audit.record(audit.RATE_LIMIT_EXCEEDED, account=account)
                raise too_many_requests(limit, key)
        tried = Attempt()
        yield tried
        if not tried.good:
            for limit, key in _counted(purpose, account):
                limits.hit(limit, key)


def _checks(purpose: str, account: str | None) -> list[Check]:
    if not account:
        return _by_address(purpose)
    everywhere, single, at_once = _by_account(purpose, account)
    attacked = not rate_limiter().test(*everywhere)
    return [*_by_address(purpose), at_once, *([single] if attacked else [])]


def _counted(purpose: str, account: str | None) -> list[Check]:
    by_account = _by_account(purpose, account)[:2] if account else []
    return [*_by_address(purpose), *by_account]


def _by_address(purpose: str) -> list[Check]:
    address, site = client_address(), client_address(SITE)
    limit = parse(current_app.config["LOGIN_RATE_LIMIT"])
    checks: list[Check] = [(limit, (purpose, address))]
    if ":" in address:
        checks.append((_scaled(limit, limit.amount * SITE_FACTOR), (purpose, "site", site)))
    return checks


def _by_account(purpose: str, account: str) -> tuple[Check, Check, Check]:
    limit = parse(current_app.config["LOGIN_RATE_LIMIT"])
    # Hashed, so that no name stands in Redis and none is longer than another.
    name, site = sha256(account.encode()).hexdigest(), client_address(SITE)
    everywhere = (_scaled(limit, limit.amount * ACCOUNT_FACTOR), (purpose, name))
    single = (_scaled(limit, 1), (purpose, site, name))
    return everywhere, single, (_scaled(limit, AT_ONCE), ("at once", site, name))


def _scaled(limit: RateLimitItem, amount: int) -> RateLimitItem:
    return type(limit)(amount, limit.multiples)
