"""Limits failed attempts, so that nobody finds a password by brute force.

Only failures count: by address, by IPv6 site with a higher limit, and by account. An attempt
in flight counts as a failure until it succeeds. While an account is under attack from many
addresses, each address may still fail once. So an attacker cannot lock the owner out.
Source: OWASP ASVS 6.1.1, 6.3.1.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256

from flask import current_app
from limits import RateLimitItem, parse
from secure_flask.web import audit
from secure_flask.web.rate_limiter import Key, rate_limiter
from secure_flask.web.rate_limits import SITE, client_address, too_many_requests

# LOGIN_RATE_LIMIT times this is the limit of an account from all addresses together.
ACCOUNT_FACTOR = 10
# LOGIN_RATE_LIMIT times this is the limit of an IPv6 site.
SITE_FACTOR = 10
# Concurrent attempts of one client on one account, so that it cannot take all hashing slots.
# Not by account alone: an attacker could then lock the owner out.
AT_ONCE = 3

Check = tuple[RateLimitItem, Key]


@dataclass
class Attempt:
    """An attempt to use a secret. The caller sets `succeeded`; otherwise it counts as failed."""

    succeeded: bool = False


@contextmanager
def attempt(purpose: str, account: str | None = None) -> Iterator[Attempt]:
    """Allow an attempt, or respond 429 after too many failures.

    An exception, such as an unavailable database, counts as neither success nor failure.
    Without an account the secret is a random token, so concurrent attempts are not counted.
    """
    limits = rate_limiter()
    with ExitStack() as stack:
        for limit, key in _checks(purpose, account):
            allowed = (
                limits.in_flight(limit, key) if account else nullcontext(limits.test(limit, key))
            )
            if not stack.enter_context(allowed):
                audit.record(audit.RATE_LIMIT_EXCEEDED, account=account)
                raise too_many_requests(limit, key)
        current = Attempt()
        yield current
        if not current.succeeded:
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
    # Hashed, so that Redis holds no usernames and all keys have one length.
    name, site = sha256(account.encode()).hexdigest(), client_address(SITE)
    everywhere = (_scaled(limit, limit.amount * ACCOUNT_FACTOR), (purpose, name))
    single = (_scaled(limit, 1), (purpose, site, name))
    return everywhere, single, (_scaled(limit, AT_ONCE), ("at once", site, name))


def _scaled(limit: RateLimitItem, amount: int) -> RateLimitItem:
    return type(limit)(amount, limit.multiples)
