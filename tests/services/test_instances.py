"""Two instances that share one PostgreSQL and one Redis are one service to their clients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

import pytest

import services
import support
from conftest import NewProject
from services import clients
from services.clients import Answer

CLIENTS, ROUNDS = 16, 5

pytestmark = pytest.mark.all


@dataclass(frozen=True)
class Pair:
    """Two instances, and the settings that they share."""

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
    logs = tmp_path_factory.mktemp("logs")
    with contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(services.serving(project, logs / name, **stores)).port
            for name in ("one.log", "two.log")
        ]
        yield Pair(kind, project, stores, *ports)


def test_a_login_on_one_is_valid_on_the_other_and_ends_on_both_at_once(pair: Pair) -> None:
    login = clients.log_in(pair.one)
    assert clients.is_accepted(pair.two, login)
    assert clients.ask(pair.two, "/logout", {}, clients.shown(login)).status == 204
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
    answers = [clients.log_in(port, name) for port in (pair.one, pair.two)]
    assert {answer.status for answer in answers} <= {200, 401}
    return [answer.status == 200 for answer in answers]


def test_a_user_who_is_disabled_by_command_is_out_on_both(pair: Pair) -> None:
    name = f"eve-{pair.kind}"
    logins = [clients.log_in(port, name) for port in (pair.one, pair.two)]
    pair.command("user", "disable", name)
    assert [accepted(pair, login) for login in logins] == [[False, False]] * 2
    assert password_is_taken(pair, name) == [False, False]


@pytest.mark.parametrize("pair", ["jwt"], indirect=True)
@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_those_who_spend_one_refresh_token_on_both_all_get_the_same_successor(
    pair: Pair, number: int
) -> None:
    start, login = Barrier(CLIENTS), clients.log_in(pair.one)

    def spend(client: int) -> Answer:
        start.wait()
        return clients.refresh((pair.one, pair.two)[client % 2], login)

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(spend, range(CLIENTS)))
    assert [answer.status for answer in answers] == [200] * CLIENTS
    # One of them, so that the login has no second branch.
    assert len({answer.body["refresh_token"] for answer in answers}) == 1
    # Its use ends what went before it.
    assert clients.refresh(pair.two, answers[0]).status == 200
    assert clients.refresh(pair.one, login).status == 401
