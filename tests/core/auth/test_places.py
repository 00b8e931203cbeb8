"""The queue for passwords: who waits, who comes next, and who is sent away."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Condition, Event, current_thread
from typing import Any

import pytest
from flask import Flask
from secure_flask.auth import passwords, places
from secure_flask.auth.passwords import hash_password, verify_password
from werkzeug.exceptions import ServiceUnavailable

from core.conftest import PASSWORD

WAITS, RUNS, SENT_AWAY = "waits", "runs", "is sent away"
ROOM = places.MAX_RUNNING + places.MAX_WAITING


class People:
    """People at addresses, each of whom checks a password in a thread until `leave`."""

    def __init__(self, app: Flask, threads: ThreadPoolExecutor) -> None:
        self._app, self._threads = app, threads
        self._happens = SimpleQueue[tuple[str, str]]()
        self._left: dict[str, Event] = {}

    def tell(self, what: str) -> None:
        self._happens.put((current_thread().name, what))

    def come(self, *names: str) -> list[str]:
        """What happens when these come one after the other; a name is an address and a letter."""
        return [self._come(name) for name in names]

    def leave(self, name: str) -> str:
        """Who gets the place of somebody who leaves."""
        self._left[name].set()
        return " ".join(self.next())

    def next(self) -> tuple[str, str]:
        return self._happens.get(timeout=60)

    def end(self) -> None:
        for left in self._left.values():
            left.set()

    def _come(self, name: str) -> str:
        self._left[name] = Event()
        self._threads.submit(self._check, name)
        return " ".join(self.next())

    def _check(self, name: str) -> None:
        current_thread().name = name
        address = name.rstrip("abcdefghijklmnop")
        with self._app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            try:
                with places.place():
                    self.tell(RUNS)
                    self._left[name].wait(60)
            except ServiceUnavailable:
                self.tell(SENT_AWAY)


@pytest.fixture
def people(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    with ThreadPoolExecutor(2 * ROOM) as threads:
        crowd = People(app, threads)

        class Told(Condition):
            def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
                crowd.tell(WAITS)
                return super().wait_for(predicate, timeout)

        monkeypatch.setattr(places, "_changed", Told())
        monkeypatch.setattr(places, "MAX_WAIT", 60)
        try:
            yield crowd
        finally:
            crowd.end()


def several(address: str, number: int) -> list[str]:
    return [f"{address}{letter}" for letter in "abcdefghijklmnop"[:number]]


def test_four_run_and_the_next_waits_until_one_has_finished(people: People) -> None:
    four = several("192.0.2.1", 4)
    assert people.come(*four) == [f"{name} runs" for name in four]
    assert people.come("192.0.2.1e") == ["192.0.2.1e waits"]
    assert people.leave("192.0.2.1b") == "192.0.2.1e runs"


def test_a_freed_place_goes_to_the_site_that_holds_fewest(people: People) -> None:
    people.come(*several("192.0.2.1", 3), "192.0.2.2a")
    people.come("192.0.2.1d", "192.0.2.2b", "192.0.2.3a")
    assert people.leave("192.0.2.1a") == "192.0.2.3a runs"
    assert people.leave("192.0.2.1b") == "192.0.2.1d runs"
    assert people.leave("192.0.2.1c") == "192.0.2.2b runs"


@pytest.mark.asvs("15.2.2")
def test_where_the_room_is_full_the_newest_of_the_largest_site_is_sent_away(
    people: People,
) -> None:
    people.come(*several("192.0.2.1", ROOM))
    assert people.come("192.0.2.1m") == ["192.0.2.1m waits"]
    assert people.next() == ("192.0.2.1m", SENT_AWAY)
    people.come("192.0.2.2a")
    assert people.next() == ("192.0.2.1l", SENT_AWAY)
    assert people.leave("192.0.2.1a") == "192.0.2.2a runs"


@pytest.fixture
def sent_away_before(app: Flask) -> str:
    """A site that got a 503 in this minute."""
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        places.too_busy()
    return "192.0.2.7"


def test_of_sites_that_hold_as_many_the_one_with_fewer_503_is_next(
    people: People, sent_away_before: str
) -> None:
    people.come(*several("192.0.2.1", 4), f"{sent_away_before}a", "192.0.2.3a")
    assert people.leave("192.0.2.1a") == "192.0.2.3a runs"


def test_of_sites_that_are_as_large_the_one_with_most_503_is_sent_away(
    people: People, sent_away_before: str
) -> None:
    people.come(*(f"192.0.2.{number}a" for number in range(1, ROOM + 1)))
    assert people.come("192.0.2.99a") == ["192.0.2.99a waits"]
    assert people.next() == (f"{sent_away_before}a", SENT_AWAY)


def test_a_site_of_ipv6_is_one_and_an_address_behind_a_translator_is_one(people: People) -> None:
    people.come(*(f"2001:db8:1:{number}::1" for number in range(4)))
    people.come("2001:db8:1:5::1", "64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2")
    assert people.leave("2001:db8:1:0::1") == "64:ff9b::192.0.2.1 runs"
    assert people.leave("2001:db8:1:1::1") == "64:ff9b::192.0.2.2 runs"


@pytest.fixture
def one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MAX_WAIT", 0)
    monkeypatch.setattr(places, "MAX_RUNNING", 1)


@pytest.mark.usefixtures("one_place")
def test_who_waited_in_vain_is_asked_to_come_back(app: Flask) -> None:
    with app.app_context(), places.place(), app.app_context():
        with pytest.raises(ServiceUnavailable) as caught:
            verify_password(None, PASSWORD)
        with pytest.raises(ServiceUnavailable):
            hash_password(PASSWORD)
    assert dict(caught.value.get_headers())["Retry-After"] == "2"


@pytest.mark.usefixtures("one_place")
def test_a_request_needs_one_place_for_all_its_hashes(app: Flask) -> None:
    with app.app_context(), places.place():
        assert verify_password(hash_password(PASSWORD), PASSWORD)
    assert places.free_places() == 1 + places.MAX_WAITING


@pytest.mark.usefixtures("one_place")
def test_each_check_gives_its_place_back(app: Flask) -> None:
    with app.app_context():
        real = hash_password(PASSWORD)
        assert not verify_password(real, "wrong")
        assert not verify_password("damaged", PASSWORD)
        assert not verify_password(None, PASSWORD)
        assert verify_password(real, PASSWORD)


@pytest.mark.usefixtures("one_place")
def test_without_an_app_a_hash_takes_a_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passwords.hash_password(PASSWORD)
    monkeypatch.setattr(places, "MAX_RUNNING", 0)
    with pytest.raises(ServiceUnavailable):
        passwords.hash_password(PASSWORD)
