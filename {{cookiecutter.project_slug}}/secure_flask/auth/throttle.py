"""Limits attempts to use a secret, so that nobody finds a password by brute force.

An attempt is counted as a failure and as a success before the secret is checked, so that concurrent
attempts see each other. Afterwards the count that did not come true is given back.

Failures count by address, by IPv6 site with a higher limit, and by account, over all routes that
check its password. While an account is attacked from many addresses, each site may still try once
per window, so an attacker cannot lock the owner out. Successes count by site and by account, since
a right password costs a hash too. Only the owner can use up the successes of an account.
Source: OWASP ASVS 6.1.1, 6.3.1.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from threading import BoundedSemaphore
from typing import TypedDict
from unicodedata import normalize

from flask import current_app
from limits import RateLimitItem, parse
from secure_flask.web import audit
from secure_flask.web.counters import SITE, Count, client_address, counters
from secure_flask.web.errors import ErrorResponse, plain_error
from secure_flask.web.rate_limits import too_many_requests
from werkzeug.exceptions import HTTPException

# LOGIN_RATE_LIMIT times this is the limit of an account from all addresses, and of an IPv6 site.
WIDE = 10
# The factor for successes of a site or an account: a whole office may log in at the same time.
RIGHT = 20
# While attempts that still run fill the limit of an address, as when an office begins to work,
# another one from there waits for at most MAX_WAIT and tries again each STEP.
MAX_WAIT = 2.0  # seconds
STEP = 0.05  # seconds
IN_FLIGHT = parse("1 per 10 minutes")
# At most this many threads of this process wait. The others serve other requests.
MAX_WAITING = 4
_waiting = BoundedSemaphore(MAX_WAITING)


class StoredAttempt(TypedDict):
    """A half attempt in a form that JSON can store."""

    purpose: str
    account: str | None
    failure: list[list[object]]


@dataclass
class Attempt:
    """An attempt to use a secret. The caller sets `succeeded`; otherwise it counts as failed."""

    purpose: str
    account: str | None
    succeeded: bool = False
    # Whether a second factor is missing. The attempt stays a failure until `complete_attempt`.
    is_half: bool = False
    failure: list[Count] = field(default_factory=list)
    success: list[Count] = field(default_factory=list)

    def not_kept(self, *, ended: bool) -> list[Count]:
        """The counts to give back: both kinds if an exception came before the attempt succeeded."""
        if self.succeeded:
            return self.success if self.is_half else self.failure
        return self.success if ended else self.failure + self.success

    def to_json(self) -> StoredAttempt:
        """What `complete_attempt` needs. Store it encrypted: it contains the client's address."""
        failure = [counters().to_json(count) for count in self.failure]
        return {"purpose": self.purpose, "account": self.account, "failure": failure}


@contextmanager
def count_attempt(purpose: str, account: str | None = None) -> Iterator[Attempt]:
    """Allow an attempt, or respond 429 after too many failures or successes.

    An attempt that an exception ends counts as neither, unless it `succeeded` before.
    """
    running = list[Count]()
    current = Attempt(purpose, account)
    ended = False
    try:
        _wait_for_place(running, current.failure, purpose, account)
        _count_site(current.failure, purpose, account)
        # Successes count last, so an attempt that is refused for its failures adds none.
        for count in _successes(purpose, account):
            current.success.append(count)
            _require_few_successes(count, account)
        yield current
        ended = True
    finally:
        # Give back the attempt before `running`: in between, others would take it for a failure.
        for count in current.not_kept(ended=ended) + running:
            counters().give_back(count)


@contextmanager
def attempts(purpose: str, name: str | None = None) -> Iterator[Attempt]:
    """Count an attempt at a secret that your own code checks, or respond 429.

    `with attempts("login", name) as attempt: attempt.succeeded = is_right(name, password)`. The
    `purpose` (str) separates the counts of two kinds of secrets; `name` is the name that was typed.
    The attempt has failed unless you set `succeeded`, also if `abort(401)` leaves the block.

    :raises ErrorResponse: 429, too many failures of LOGIN_RATE_LIMIT, or too many successes.
    """
    refusal: HTTPException | None = None
    account = None if name is None else folded_name(name)
    with count_attempt(f"app {purpose}", account) as attempt:
        try:
            yield attempt
        except HTTPException as error:
            # A server error does not show whether the secret was right.
            if (error.code or 500) >= 500:
                raise
            refusal = error
    if refusal:
        raise refusal


def folded_name(name: str) -> str:
    """The same text for all spellings of a name; attempts count under it."""
    return " ".join(normalize("NFKC", name).casefold().split())


def complete_attempt(half: StoredAttempt) -> None:
    """Turn the failure of a half attempt, stored by `to_json`, into a success.

    Until then a right password counts as a failure, so that a thief who lacks the second factor can
    use it only a few times. It does not count as a success, or the thief could use up those of the
    owner. No success is refused here, since its hash was computed already.
    """
    for failure in half["failure"]:
        counters().give_back_json(failure)
    for _ in _successes(half["purpose"], half["account"]):
        pass


def _wait_for_place(
    running: list[Count], counted: list[Count], purpose: str, account: str | None
) -> None:
    """Count the attempt by address; wait while other running attempts fill the limit."""
    deadline = time.monotonic() + MAX_WAIT
    if _takes_place(running, counted, purpose, account):
        return
    if _waiting.acquire(blocking=False):
        try:
            while time.monotonic() < deadline:
                time.sleep(STEP)
                if _takes_place(running, counted, purpose, account):
                    return
        finally:
            _waiting.release()
    error = plain_error(429, Retry_After="1")
    raise _refused_attempt(error, purpose, account)


def _takes_place(
    running: list[Count], counted: list[Count], purpose: str, account: str | None
) -> bool:
    address = client_address()
    present = counters().add(IN_FLIGHT, "in flight", purpose, address)
    # A secret without an account is random. Nobody can guess it, so its limit is higher.
    count = counters().add(_attempt_limit(1 if account is not None else WIDE), purpose, address)
    if count.allowed:
        running.append(present)
        counted.append(count)
        return True
    # Read this last: an attempt that arrives meanwhile then makes this one wait, not fail.
    in_flight = counters().read(IN_FLIGHT, "in flight", purpose, address)
    for each in (count, present):
        counters().give_back(each)
    if count.number - in_flight >= count.limit:
        raise _refused_attempt(too_many_requests(count), purpose, account)
    return False


def _count_site(counted: list[Count], purpose: str, account: str | None) -> None:
    site = client_address(SITE)
    if ":" in site:
        counted.append(counters().add(_attempt_limit(WIDE), purpose, "site", site))
        _require_few_failures(counted[-1], purpose, account)
    if account is not None:
        _count_account(counted, purpose, account, site)


def _count_account(counted: list[Count], purpose: str, account: str, site: str) -> None:
    name = _key_of(account)
    everywhere = counters().add(_attempt_limit(WIDE), purpose, name)
    once = counters().add(
        type(_attempt_limit())(1, _attempt_limit().multiples), purpose, site, name
    )
    counted += [everywhere, once]
    if not everywhere.allowed:
        _require_few_failures(once, purpose, account)


def _successes(purpose: str, account: str | None) -> Iterator[Count]:
    """Count a success, by site and by account."""
    # A secret without an account is random, and its check needs no slow hash.
    if account is not None:
        for key in (client_address(SITE), _key_of(account)):
            yield counters().add(_attempt_limit(RIGHT), purpose, "right", key)


def _key_of(account: str) -> str:
    # The hash keeps names out of Redis, and gives all keys one length.
    return sha256(account.encode()).hexdigest()


def _require_few_successes(count: Count, account: str | None) -> None:
    if not count.allowed:
        audit.record(audit.RATE_LIMIT_EXCEEDED, account=account)
        raise too_many_requests(count)


def _require_few_failures(count: Count, purpose: str, account: str | None) -> None:
    if not count.allowed:
        raise _refused_attempt(too_many_requests(count), purpose, account)


def _refused_attempt(error: ErrorResponse, purpose: str, account: str | None) -> ErrorResponse:
    audit.record(audit.LOGIN_FAIL_MAX, account=account, reason=purpose)
    return error


def _attempt_limit(factor: int = 1) -> RateLimitItem:
    limit = parse(current_app.config["LOGIN_RATE_LIMIT"])
    return type(limit)(limit.amount * factor, limit.multiples)
