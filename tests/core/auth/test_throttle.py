"""Failed attempts: what the next one gets, from the same address and from others."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.errors import StorageError
from limits.storage import MemoryStorage
from secure_flask.auth import passwords, places, throttle
from secure_flask.state import app_state
from secure_flask.web.counters import COUNTERS, Counters
from werkzeug.test import TestResponse

from core import routes
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    Configure,
    MakeApp,
    Wait,
    add_user,
    slow_hasher,
)

AtOnce = Callable[[int, str], Counter[int]]

WRONG = "a wrong long password"
AWAY = "redis://127.0.0.1:1/0"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
LIMIT = 5  # failures in a minute
FACTOR = 3  # how many times LIMIT an account, or a site of IPv6, may fail

# Where a secret can be guessed, with a wrong one and the answer that it gets.
GUESSES: dict[str, tuple[dict[str, str], int]] = {
    routes.LOGIN: ({**LOGIN, "password": WRONG}, 401),
    routes.REAUTHENTICATE: ({"password": WRONG}, 403),
    routes.PASSWORD: ({"current_password": WRONG, "new_password": PASSWORD}, 403),
    routes.REFRESH: ({"refresh_token": WRONG}, 401),
}


@pytest.fixture(autouse=True)
def _small_factor(wait: Wait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "WIDE", FACTOR)


@pytest.fixture
def app(app: Flask, configure: Configure) -> Flask:
    configure(app, LOGIN_RATE_LIMIT=f"{LIMIT} per minute")
    return app


@pytest.fixture
def few_right(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many logins of a minute are let in, here so few that a test can count them."""
    monkeypatch.setattr(throttle, "RIGHT", 2)
    return 2 * LIMIT


def attempt(client: FlaskClient, address: str = HERE, **body: str) -> TestResponse:
    """Try to log in, with a wrong password if none is given."""
    body = {**LOGIN, "password": WRONG, **body}
    sent: dict[str, Any] = {"json": body, "headers": OWN_PAGE}
    return client.post(routes.LOGIN, environ_overrides={"REMOTE_ADDR": address}, **sent)


def statuses(client: FlaskClient, *addresses: str, **body: str) -> list[int]:
    """What an attempt from each address gets, in turn."""
    return [attempt(client, address, **body).status_code for address in addresses]


def statuses_at_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, attempts: Iterable[tuple[str, str, str]]
) -> Counter[int]:
    """What attempts (address, username, password) get when all are in flight together."""
    waiting, statuses = iter(attempts), Counter[int]()

    def start_others() -> None:
        for address, username, password in waiting:
            body = {"username": username, "password": password}
            # Each has a context of its own, as in another thread.
            with client.application.app_context():
                statuses[attempt(client, address, **body).status_code] += 1

    with monkeypatch.context() as meanwhile:
        # They wait for one another in vain.
        meanwhile.setattr(places, "MAX_WAIT", 0)
        meanwhile.setattr(places, "MAX_RUNNING", 60)
        # While one password is checked, all the others arrive.
        meanwhile.setattr(passwords, "hasher", slow_hasher("verify", start_others))
        start_others()
    return statuses


def crowd(number: int) -> list[str]:
    return [f"198.51.100.{last}" for last in range(1, number + 1)]


@pytest.fixture
def attacked(client: FlaskClient) -> FlaskClient:
    """A client of an app where one account has failed from all over the world."""
    everybody = crowd(LIMIT * FACTOR)
    assert statuses(client, *everybody) == [401] * len(everybody)
    return client


@pytest.mark.asvs("6.3.1")
@pytest.mark.parametrize("token_type", ["jwt"])
@pytest.mark.parametrize("path", GUESSES)
def test_every_secret_that_can_be_guessed_is_guarded(
    client: FlaskClient, credentials: dict[str, str], path: str
) -> None:
    guess, refused = GUESSES[path]
    # More random secrets may be wrong: clients of one address must not stop each other.
    most = LIMIT * FACTOR if path == routes.REFRESH else LIMIT
    answers = [client.post(path, json=guess, headers=credentials) for _ in range(most + 2)]
    assert [answer.status_code for answer in answers] == [refused] * most + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_an_address_waits_whatever_names_it_tries_and_no_other_does(client: FlaskClient) -> None:
    names = [f"name {number}" for number in range(LIMIT + 2)]
    tried = [attempt(client, username=name).status_code for name in names]
    assert tried == [401] * LIMIT + [429] * 2
    assert statuses(client, ELSEWHERE, password=PASSWORD) == [200]


def test_successes_and_malformed_requests_neither_count_nor_forgive(client: FlaskClient) -> None:
    entered = (PASSWORD, PASSWORD, "", WRONG)
    tries = [attempt(client, password=each).status_code for each in entered * LIMIT]
    assert tries == [200, 200, 400, 401] * LIMIT
    assert statuses(client, HERE, password=PASSWORD) == [429]


@pytest.mark.parametrize("pause", [0, 0.4, 0.6, 29.5])
def test_who_waits_as_long_as_the_answer_says_is_let_in(
    client: FlaskClient, wait: Wait, pause: float
) -> None:
    statuses(client, *[HERE] * LIMIT)
    wait(pause)
    # What is refused does not prolong the wait.
    assert statuses(client, *[HERE] * LIMIT) == [429] * LIMIT
    seconds = int(attempt(client).headers["Retry-After"])
    assert seconds < 61 - pause
    wait(seconds)
    assert statuses(client, HERE, password=PASSWORD) == [200]


def test_a_network_of_ipv6_is_one_address(client: FlaskClient) -> None:
    network = [f"2001:db8:0:1::{last}" for last in range(1, LIMIT + 2)]
    assert statuses(client, *network) == [401] * LIMIT + [429]
    assert statuses(client, "2001:db8:0:2::1") == [401]


@pytest.mark.asvs("6.3.1")
def test_a_site_of_ipv6_that_tries_many_names_waits(client: FlaskClient) -> None:
    networks = [f"2001:db8:1:{number:x}::1" for number in range(LIMIT * FACTOR + 1)]
    tried = [attempt(client, address, username=address).status_code for address in networks]
    assert tried == [401] * LIMIT * FACTOR + [429]
    assert statuses(client, "2001:db8:2::1", HERE) == [401, 401]


@pytest.fixture
def at_once(file_app: Flask, monkeypatch: pytest.MonkeyPatch, configure: Configure) -> AtOnce:
    """What so many attempts get that threads begin together, on a machine however slow."""
    configure(file_app, LOGIN_RATE_LIMIT=f"{LIMIT} per minute")
    monkeypatch.setattr(places, "MAX_WAIT", 60)

    def statuses_of(number: int, password: str) -> Counter[int]:
        begin = Barrier(number)

        def log_in(_: int) -> int:
            begin.wait(60)
            return attempt(file_app.test_client(), password=password).status_code

        with ThreadPoolExecutor(number) as threads:
            return Counter(threads.map(log_in, range(number)))

    return statuses_of


def test_an_office_of_eight_that_logs_in_at_once_gets_in(at_once: AtOnce) -> None:
    assert at_once(8, PASSWORD) == {200: 8}


@pytest.mark.asvs("6.3.1")
def test_of_thirty_guesses_at_once_exactly_five_are_checked(at_once: AtOnce) -> None:
    got = at_once(30, WRONG)
    assert got[401] == LIMIT
    assert got[429] + got[503] == 30 - LIMIT


def test_an_attempt_at_its_limit_does_not_wait_for_a_place(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses(client, *[HERE] * LIMIT)
    monkeypatch.setattr(places, "MAX_RUNNING", 0)
    monkeypatch.setattr(places, "MAX_WAIT", 0)
    assert statuses(client, HERE, ELSEWHERE) == [429, 503]


@pytest.mark.parametrize(("other", "expected"), [(PASSWORD, 200), (WRONG, 429)])
def test_an_attempt_waits_until_a_running_one_shows_whether_it_fills_the_limit(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, other: str, expected: int
) -> None:
    statuses(client, *[HERE] * (LIMIT - 1))
    runs, may_end, free = Event(), Event(), list[int]()

    def run_other() -> None:
        with (
            client.application.test_request_context(environ_base={"REMOTE_ADDR": HERE}),
            throttle.count_attempt("password", USERNAME) as running,
        ):
            runs.set()
            may_end.wait(60)
            running.succeeded = other == PASSWORD

    def sleep(seconds: float) -> None:
        free.append(places.free_places())
        may_end.set()
        another.result(60)

    monkeypatch.setattr(time, "sleep", sleep)
    with ThreadPoolExecutor(1) as thread:
        another = thread.submit(run_other)
        runs.wait(60)
        assert statuses(client, HERE, password=PASSWORD) == [expected]
    # Each of the two waited in its place, so that few threads wait.
    assert free == [places.MAX_RUNNING + places.MAX_WAITING - 2]


def test_after_as_many_failures_nobody_waits_for_others(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attacker must not hold threads."""
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("It waits."))
    assert statuses(client, *[HERE] * (LIMIT + 2)) == [401] * LIMIT + [429] * 2


@pytest.mark.parametrize("name", ["bob", USERNAME])
def test_many_good_logins_of_one_client_keep_nobody_else_out(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    add_user(app, "bob")
    many = [(HERE, USERNAME, PASSWORD)] * 12
    got = statuses_at_once(client, monkeypatch, [*many, (ELSEWHERE, name, PASSWORD)])
    assert got == {200: LIMIT + 1, 503: 12 - LIMIT}


def no_hash() -> None:
    pytest.fail("A password is hashed.")


def assert_waits(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, address: str, name: str
) -> None:
    """No password from there is hashed before the next minute."""
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(passwords, "hasher", slow_hasher("verify", no_hash))
        answer = attempt(client, address, username=name, password=PASSWORD)
    assert answer.status_code == 429
    assert 1 < int(answer.headers["Retry-After"]) <= 60


def test_an_address_a_site_of_ipv6_and_an_account_log_in_so_often_each_minute(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    few_right: int,
    wait: Wait,
    subtests: pytest.Subtests,
) -> None:
    people = [USERNAME, "bob", "eve"]
    for name in people[1:]:
        add_user(app, name)
    site = "2001:db8:1"
    # Who logs in from where, and another one who then waits.
    full: list[tuple[list[tuple[str, str]], tuple[str, str]]] = [
        ([(HERE, name) for name in people] * few_right, (HERE, "eve")),
        ([(f"{site}:{n}::1", people[n % 3]) for n in range(few_right)], (f"{site}:ffff::1", "eve")),
        ([(address, USERNAME) for address in crowd(few_right)], (HERE, USERNAME)),
    ]
    for before, (address, name) in full:
        with subtests.test(before=before, address=address, name=name):
            tried = [
                statuses(client, each, username=who, password=PASSWORD) for each, who in before
            ]
            assert tried[:few_right] == [[200]] * few_right
            assert_waits(client, monkeypatch, address, name)
            assert statuses(client, ELSEWHERE, username="bob", password=PASSWORD) == [200]
            wait(60)
            assert statuses(client, address, username=name, password=PASSWORD) == [200]
            wait(60)


def test_the_log_tells_too_many_right_passwords_from_too_many_wrong_ones(
    client: FlaskClient, capsys: pytest.CaptureFixture[str], few_right: int
) -> None:
    statuses(client, *[HERE] * (few_right + 1), password=PASSWORD)
    assert "excess_rate_limit_exceeded" in (right := capsys.readouterr().err)
    assert "authn_login_fail_max" not in right
    statuses(client, *["192.0.2.77"] * (LIMIT + 1), username="nobody")
    assert "authn_login_fail_max" in (wrong := capsys.readouterr().err)
    assert "excess_rate_limit_exceeded" not in wrong


def test_a_stranger_uses_up_no_success_of_a_victim(client: FlaskClient, few_right: int) -> None:
    assert set(statuses(client, *crowd(LIMIT * FACTOR + few_right))) == {401}
    assert statuses(client, *[HERE] * few_right, password=PASSWORD) == [200] * few_right


def test_a_right_password_before_a_refused_new_one_counts(
    client: FlaskClient, few_right: int, credentials: dict[str, str]
) -> None:
    body = {"current_password": PASSWORD, "new_password": "Bakery and her garden"}
    tried = [client.post(routes.PASSWORD, json=body, headers=credentials) for _ in range(few_right)]
    # The login itself was the first success.
    assert [answer.status_code for answer in tried] == [400] * (few_right - 1) + [429]


@pytest.mark.parametrize("name", [USERNAME, "nobody"])
def test_an_account_that_fails_everywhere_leaves_each_address_one_try(
    client: FlaskClient, name: str
) -> None:
    everybody = crowd(LIMIT * FACTOR)
    assert statuses(client, *everybody, username=name) == [401] * len(everybody)
    assert statuses(client, HERE, HERE, username=name) == [401, 429]
    assert statuses(client, *everybody[:2], username=name) == [429, 429]


@pytest.mark.asvs("6.3.1")
def test_the_owner_of_an_attacked_account_is_not_locked_out(attacked: FlaskClient) -> None:
    # Who fails at another account notices nothing of it.
    assert statuses(attacked, ELSEWHERE, ELSEWHERE, username="nobody") == [401, 401]
    assert statuses(attacked, *[HERE] * 3, password=PASSWORD) == [200, 200, 200]
    assert statuses(attacked, HERE) == [401]
    assert statuses(attacked, HERE, ELSEWHERE, password=PASSWORD) == [429, 200]


def test_of_several_at_once_a_site_has_one_slip(
    attacked: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = [(HERE, USERNAME, WRONG)] * LIMIT
    assert statuses_at_once(attacked, monkeypatch, wrong) == {401: 1, 503: LIMIT - 1}
    networks = [f"2001:db8:1:{number}::1" for number in range(3)]
    assert statuses(attacked, *networks, "2001:db8:2::1") == [401, 429, 429, 401]


def test_what_is_kept_names_nobody(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    change = Counters._change

    def spy(counters: Counters, storage: Any, share: int, changes: Any) -> Any:
        asked.extend(key for _, key, _ in changes)
        return change(counters, storage, share, changes)

    monkeypatch.setattr(Counters, "_change", spy)
    attempt(client, username="grace hopper")
    attempt(client, username="g" * 150)
    assert any(HERE in key for key in asked)
    assert not any(name in str(asked) for name in ("grace", "hopper", "ggg"))


def test_a_login_leaves_few_keys_in_memory_and_a_refused_one_none(make_app: MakeApp) -> None:
    app = make_app(redis_url=None, login_rate_limit="1 per minute")
    client, keys = app.test_client(), app_state(app)[COUNTERS].local
    left = []
    for address, name, password in [
        *[(HERE, USERNAME, PASSWORD)] * 2,
        *[(HERE, USERNAME, WRONG)] * 3,
        *[("2001:db8::1", "nobody", WRONG)] * 2,
    ]:
        before = len(keys)
        status = attempt(client, address, username=name, password=password).status_code
        left.append((status, len(keys) - before))
    # Failures count by address, site and account, and with each alarm in the log.
    assert left == [(200, 2), (200, 0), (401, 4), (429, 1), (429, 0), (401, 5), (429, 1)]


class Full(MemoryStorage):
    """A Redis that is full, or a replica, still answers what it is asked, and counts nothing."""

    def incr(self, *arguments: Any, **options: Any) -> int:
        raise StorageError(OSError("OOM command not allowed"))


@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize("shared", [None, Full()], ids=["away", "full"])
def test_while_redis_is_away_half_as_many_tries_are_left(
    make_app: MakeApp, shared: MemoryStorage | None
) -> None:
    app = make_app(redis_url=AWAY, login_rate_limit="6 per minute")
    if shared:
        app_state(app)[COUNTERS].shared = shared
    client = app.test_client()
    assert statuses(client, *[HERE] * 4) == [401, 401, 401, 429]
    assert int(attempt(client).headers["Retry-After"]) > 1
    everybody = crowd(3 * FACTOR - 3)
    assert statuses(client, *everybody) == [401] * len(everybody)
    assert statuses(client, ELSEWHERE, ELSEWHERE) == [401, 429]
