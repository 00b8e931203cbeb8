"""One queue for all that checks or hashes a password: a process does MAX_RUNNING at once.

A hash takes 46 MiB and a processor, so a flood of logins must not exhaust them. A freed place goes
to the site that holds fewest, so no IPv4 address or IPv6 site keeps another one out. Where more
than MAX_WAITING would wait, the newest of the site that holds and wants most gets 503. Between
sites that hold equally many, the one with fewer 503 in this minute comes first. Who holds a place may
wait there for what attempts of other processes change.
Source: OWASP ASVS 15.2.2; CWE-770.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from types import SimpleNamespace
from typing import Any, TypeVar

from flask import current_app, g, has_request_context
from limits import parse
from secure_flask.web import audit
from secure_flask.web.counters import SITE, client_address, counters
from secure_flask.web.errors import ErrorResponse, error_response

MAX_RUNNING = 4
# Half of the threads may wait.
MAX_WAITING = 8
MAX_WAIT = 2.0  # seconds
STEP = 0.05  # seconds until `wait_until` looks again
BUSY = parse("1 per minute")
Result = TypeVar("Result")

# The attribute of `g` while a request holds a place.
HELD = "secure_flask_place"

_changed = Condition()
_running = Counter[str]()  # taken places by site
_waiting = list["_Waiter"]()


@dataclass(eq=False)
class _Waiter:
    site: str
    turned_away: int  # how many 503 its site got in this minute
    has_place: bool = False


@contextmanager
def place(before_waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold a place, or go on with the one that this request holds.

    :raises ErrorResponse: 503, none was free within MAX_WAIT, or too many wait.
    """
    # Outside an app nothing is held.
    holder: Any = g or SimpleNamespace()
    if hasattr(holder, HELD):
        yield
        return
    site = _present_site()
    if not _takes_free_place(site):
        before_waiting()
        _wait_for_place(site)
    setattr(holder, HELD, True)
    try:
        yield
    finally:
        delattr(holder, HELD)
        with _changed:
            _running[site] -= 1
            if not _running[site]:
                del _running[site]
            _hand_out()


def wait_until(find: Callable[[], Result | None], longest: float) -> Result:
    """Call a function until it finds something, for at most `longest` seconds, inside a place.

    It looks again and again, since other processes change what it finds.

    :raises ErrorResponse: 503, it found nothing.
    """
    deadline = time.monotonic() + longest
    while (found := find()) is None:
        if time.monotonic() >= deadline:
            raise too_busy()
        time.sleep(STEP)
    return found


def free_places() -> int:
    """How many more passwords this process may hash or let wait."""
    with _changed:
        return MAX_RUNNING + MAX_WAITING - _running.total() - len(_waiting)


def too_busy() -> ErrorResponse:
    """The error for a request that waited in vain."""
    audit.record(audit.TOO_BUSY)
    if current_app:
        counters().add_locally(BUSY, "busy", _present_site())
    return error_response(503, "Too many logins at once", Retry_After="2")


def _present_site() -> str:
    return client_address(SITE) if has_request_context() else ""


def _takes_free_place(site: str) -> bool:
    with _changed:
        if is_free := _running.total() < MAX_RUNNING:
            _running[site] += 1
        return is_free


def _wait_for_place(site: str) -> None:
    turned_away = counters().read_locally(BUSY, "busy", site) if current_app else 0
    waiter = _Waiter(site, turned_away)
    with _changed:
        _waiting.append(waiter)
        _hand_out()
        if len(_waiting) > MAX_WAITING:
            _turn_one_away()
        try:
            _changed.wait_for(lambda: waiter not in _waiting, MAX_WAIT)
        finally:
            if waiter in _waiting:
                _waiting.remove(waiter)
    if not waiter.has_place:
        raise too_busy()


def _turn_one_away() -> None:
    held = _running + Counter(each.site for each in _waiting)
    # The search goes from the newest to the oldest, and finds the first of equal ones.
    last = max(_waiting[::-1], key=lambda each: (held[each.site], each.turned_away))
    _waiting.remove(last)
    _changed.notify_all()


def _hand_out() -> None:
    while _waiting and _running.total() < MAX_RUNNING:
        # `min` finds the oldest of equal ones.
        first = min(_waiting, key=lambda each: (_running[each.site], each.turned_away))
        _waiting.remove(first)
        first.has_place = True
        _running[first.site] += 1
        _changed.notify_all()
