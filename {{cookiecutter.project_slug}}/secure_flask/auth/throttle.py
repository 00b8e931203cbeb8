"""Limits attempts to use a secret, so that nobody finds a password by brute force.

An attempt counts as running before the secret is checked, so concurrent attempts see each other,
and afterwards as a failure or a success. Only finished attempts refuse another one. While running
ones could still fill a limit, the next one waits for them, inside its place, as `places.py` says.

Failures count by address, by IPv6 site with a higher limit, and by account, over all routes that
check its password. While an account is attacked from many addresses, each site may still try once
per window, so an attacker cannot lock the owner out. Successes count by site and by account, since
a right password costs a hash too. Only the owner can use up the successes of an account.
Source: OWASP ASVS 6.1.1, 6.3.1.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple, TypedDict

from flask import current_app
from limits import RateLimitItem, parse
from secure_flask.auth import places
from secure_flask.auth.users import folded_name
from secure_flask.web import audit
from secure_flask.web.counters import (
    SITE,
    Count,
    Counters,
    CountKey,
    Limit,
    client_address,
    counters,
)
from secure_flask.web.rate_limits import too_many_requests
from werkzeug.exceptions import HTTPException

# LOGIN_RATE_LIMIT times this is the limit of an account from all addresses, and of an IPv6 site.
WIDE = 10
# The factor for successes of a site or an account: a whole office may log in at the same time.
RIGHT = 20


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

    def to_json(self) -> StoredAttempt:
        """What `complete_attempt` needs. Store it encrypted: it contains the client's address."""
        failure = [counters().to_json(count) for count in self.failure]
        return {"purpose": self.purpose, "account": self.account, "failure": failure}


@contextmanager
def count_attempt(purpose: str, account: str | None = None) -> Iterator[Attempt]:
    """Allow an attempt, in a place if it has an account, and count it when it has ended.

    An attempt that an exception ends counts as neither, unless it `succeeded` before.

    :raises ErrorResponse: 429, too many failures or successes; 503, it waited in vain.
    """
    current = Attempt(purpose, account)
    limits = _limits_of(purpose, account)
    # A secret without an account is random. Its check needs no slow hash.
    with nullcontext() if account is None else places.place(limits.require_room):
        running = limits.begin()
        ended = False
        try:
            yield current
            ended = True
        finally:
            if current.succeeded and not current.is_half:
                limits.counters.count(limits.successes())
            elif current.succeeded or ended:
                current.failure = limits.counters.count(limits.failures())
            # This comes last: in between, others would see neither of the two.
            limits.counters.give_back(*running)


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


def complete_attempt(half: StoredAttempt) -> None:
    """Turn the failure of a half attempt, stored by `to_json`, into a success.

    Until then a right password counts as a failure, so that a thief who lacks the second factor can
    use it only a few times. It does not count as a success, or the thief could use up those of the
    owner. No success is refused here, since its hash was computed already.
    """
    for failure in half["failure"]:
        counters().give_back_json(failure)
    counters().count(_limits_of(half["purpose"], half["account"]).successes())


class _Limit(NamedTuple):
    """A limit of failures, or of successes. Attempts that run under `running` could fill it."""

    item: RateLimitItem
    key: CountKey
    running: CountKey
    is_of_successes: bool = False


@dataclass
class _Limits:
    """The limits of an attempt, in groups: one that exceeds all limits of a group is refused."""

    purpose: str
    account: str | None
    groups: list[list[_Limit]]
    counters: Counters = field(default_factory=counters)

    def failures(self) -> list[Limit]:
        return [(each.item, each.key) for each in self._all() if not each.is_of_successes]

    def successes(self) -> list[Limit]:
        return [(each.item, each.key) for each in self._all() if each.is_of_successes]

    def begin(self) -> list[Count]:
        """Count a running attempt when no other one can fill its limits; return what to give back.

        :raises ErrorResponse: 429, finished ones fill a limit; 503, running ones could for too long.
        """
        # An attempt without an account has no place to wait in.
        return places.wait_until(self._begin_now, 0 if self.account is None else places.MAX_WAIT)

    def require_room(self) -> None:
        """
        :raises ErrorResponse: 429, finished attempts fill a limit.
        """
        self._require_room(self.counters.count([], self._seen()))

    def _begin_now(self) -> list[Count] | None:
        """As `begin`; None if running ones could fill a limit.

        :raises ErrorResponse: 429, finished ones fill a limit.
        """
        keys = [*dict.fromkeys(each.running for each in self._all())]
        added = [(_attempt_limit(), ("running", *key)) for key in keys]
        # The finished ones come last. So one that ends meanwhile is seen once at least.
        counts = self.counters.count(added, self._seen())
        running = counts[: len(keys)]
        finished = counts[len(keys) :]
        numbers = {key: count.number for key, count in zip(keys, running, strict=True)}
        if self._exceeded(finished, numbers) is None:
            return running
        self.counters.give_back(*running)
        self._require_room(finished)
        return None

    def _require_room(self, finished: list[Count]) -> None:
        exceeded = self._exceeded(finished, {})
        if exceeded is None:
            return
        limit, count = exceeded
        if limit.is_of_successes:
            audit.record(audit.RATE_LIMIT_EXCEEDED, account=self.account)
        else:
            audit.record(audit.LOGIN_FAIL_MAX, account=self.account, reason=self.purpose)
        raise too_many_requests(count)

    def _exceeded(
        self, finished: list[Count], running: Mapping[CountKey, int]
    ) -> tuple[_Limit, Count] | None:
        """A limit that this attempt exceeds, if all that run, itself included, come true."""
        counts = dict(zip(self._all(), finished, strict=True))

        def is_exceeded(limit: _Limit) -> bool:
            count = counts[limit]
            return count.number + running.get(limit.running, 1) > count.limit

        exceeded = (group[-1] for group in self.groups if all(map(is_exceeded, group)))
        return next(((limit, counts[limit]) for limit in exceeded), None)

    def _seen(self) -> list[Limit]:
        return [(each.item, each.key) for each in self._all()]

    def _all(self) -> list[_Limit]:
        return [limit for group in self.groups for limit in group]


def _limits_of(purpose: str, account: str | None) -> _Limits:
    address = (purpose, client_address())
    site = client_address(SITE)
    by_site = (purpose, "site", site) if ":" in site else address
    # A secret without an account is random. Nobody can guess it, so its limit is higher.
    groups = [[_Limit(_attempt_limit(WIDE if account is None else 1), address, address)]]
    if by_site != address:
        groups.append([_Limit(_attempt_limit(WIDE), by_site, by_site)])
    if account is not None:
        groups += _limits_of_account(purpose, _key_of(account), site, by_site)
    return _Limits(purpose, account, groups)


def _limits_of_account(
    purpose: str, name: str, site: str, by_site: CountKey
) -> Iterator[list[_Limit]]:
    everywhere = (purpose, name)
    here = (purpose, site, name)
    once = type(_attempt_limit())(1, _attempt_limit().multiples)
    yield [_Limit(_attempt_limit(WIDE), everywhere, everywhere), _Limit(once, here, here)]
    right = _attempt_limit(RIGHT)
    # Successes come last, so an attempt that is refused for its failures is logged as such.
    yield [_Limit(right, (purpose, "right", site), by_site, is_of_successes=True)]
    yield [_Limit(right, (purpose, "right", name), everywhere, is_of_successes=True)]


def _key_of(account: str) -> str:
    # The hash keeps names out of Redis, and gives all keys one length.
    return sha256(account.encode()).hexdigest()


def _attempt_limit(factor: int = 1) -> RateLimitItem:
    limit = parse(current_app.config["LOGIN_RATE_LIMIT"])
    return type(limit)(limit.amount * factor, limit.multiples)
