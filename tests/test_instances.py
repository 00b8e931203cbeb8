"""Two instances that share one PostgreSQL and one Redis are one service to their clients."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from threading import Barrier

import pytest

import clients
import services
import support
from clients import Answer
from conftest import NewProject

LIMIT = 4  # failures a year for each address
CLIENTS, ROUNDS = 16, 5
ADDRESSES = map(str, map(IPv4Address, itertools.count(int(IPv4Address("10.0.0.1")))))

pytestmark = pytest.mark.all


@dataclass(frozen=True)
class Pair:
    """Two instances, behind a proxy that tells them the clients' addresses."""

    kind: str
    project: Path
    settings: dict[str, str]
    one: int
    two: int

    def command(self, *arguments: str) -> None:
        support.python("-m", "flask", *arguments, cwd=self.project, **self.settings)


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, str]]:
    with services.redis() as redis, services.postgresql() as database:
        yield {"DATABASE_URL": database, "REDIS_URL": redis}


@pytest.fixture(scope="module", params=["jwt", "session", "opaque"])
def pair(
    request: pytest.FixtureRequest,
    new_project: NewProject,
    stores: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    kind, project = request.param, new_project(token_type=request.param)
    services.add_users(project, stores["DATABASE_URL"], "ada", "bob", f"eve-{kind}")
    settings = {**stores, "PROXY_HOPS": "1", "LOGIN_RATE_LIMIT": f"{LIMIT} per year"}
    logs = tmp_path_factory.mktemp("logs")
    with contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(services.serving(project, logs / name, **settings)).port
            for name in ("one.log", "two.log")
        ]
        yield Pair(kind, project, settings, *ports)


@pytest.mark.parametrize(("here", "there"), [("one", "two"), ("two", "one")])
def test_a_login_on_one_is_valid_on_the_other_and_ends_on_both_at_once(
    pair: Pair, here: str, there: str
) -> None:
    login = clients.log_in(getattr(pair, here))
    assert clients.is_accepted(getattr(pair, there), login)
    assert clients.ask(getattr(pair, there), "/logout", {}, clients.shown(login)).status == 204
    assert accepted(pair, login) == [False, False]


def accepted(pair: Pair, login: Answer) -> list[bool]:
    """Whether each of the two accepts a login."""
    return [clients.is_accepted(port, login) for port in (pair.one, pair.two)]


def test_a_new_password_on_one_ends_the_other_logins_on_both(pair: Pair) -> None:
    stolen, own = clients.log_in(pair.one, "bob"), clients.log_in(pair.two, "bob")
    body = {"current_password": clients.PASSWORD, "new_password": "another good password"}
    changed = clients.ask(pair.two, "/password", body, clients.shown(own))
    assert accepted(pair, stolen) == [False, False]
    assert accepted(pair, own) == [False, False]
    assert accepted(pair, changed) == [True, True]
    assert password_is_taken(pair, "bob") == [False, False]
    back = {"current_password": body["new_password"], "new_password": clients.PASSWORD}
    assert clients.ask(pair.one, "/password", back, clients.shown(changed)).status == 200


def password_is_taken(pair: Pair, name: str) -> list[bool]:
    """Whether each of the two logs this user in by the first password."""
    answers = [clients.log_in(port, name, headers=somewhere()) for port in (pair.one, pair.two)]
    assert {answer.status for answer in answers} <= {200, 401}
    return [answer.status == 200 for answer in answers]


def test_a_user_who_is_disabled_by_command_is_out_on_both(pair: Pair) -> None:
    name = f"eve-{pair.kind}"
    logins = [clients.log_in(port, name) for port in (pair.one, pair.two)]
    pair.command("user", "disable", name)
    assert [accepted(pair, login) for login in logins] == [[False, False]] * 2
    assert password_is_taken(pair, name) == [False, False]


def test_what_failed_on_one_counts_on_the_other(pair: Pair) -> None:
    here, ports = somewhere(), [pair.one, pair.two]
    wrong = "a wrong long password"
    failed = [clients.log_in(port, password=wrong, headers=here) for port in ports * (LIMIT // 2)]
    assert [answer.status for answer in failed] == [401] * LIMIT
    assert [clients.log_in(port, headers=here).status for port in ports] == [429, 429]
    assert [clients.log_in(port, headers=somewhere()).status for port in ports] == [200, 200]


@pytest.mark.parametrize("pair", ["jwt"], indirect=True)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_those_who_spend_one_refresh_token_on_both_all_get_the_same_successor(
    pair: Pair, number: int
) -> None:
    start, login = Barrier(CLIENTS), clients.log_in(pair.one)

    def spend(client: int) -> Answer:
        port, address = (pair.one, pair.two)[client % 2], somewhere()
        start.wait()
        return clients.refresh(port, login, address)

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(spend, range(CLIENTS)))
    assert [answer.status for answer in answers] == [200] * CLIENTS
    # One of them, so that the login has no second branch.
    assert len({answer.body["refresh_token"] for answer in answers}) == 1
    # Its use ends what went before it.
    assert clients.refresh(pair.two, answers[0], somewhere()).status == 200
    assert clients.refresh(pair.one, login, somewhere()).status == 401


def somewhere() -> dict[str, str]:
    """Return what a proxy tells of a client that was never seen before."""
    return {"X-Forwarded-For": next(ADDRESSES)}
