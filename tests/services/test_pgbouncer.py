"""The rendered project behind a PgBouncer that lends a session to one transaction at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

import following
import services
import support
from conftest import NewProject
from services import clients

pytestmark = pytest.mark.weekly

SESSIONS = 4
# What the page of the settings says about it.
PAGE = [*following.steps(support.PAGES / "reference" / "settings.md")]
[LIMITS] = [step.code for step in PAGE if "ALTER ROLE" in step.code]
[OPTIONS] = [step.code for step in PAGE if "pool_mode" in step.code]
CLIENTS, ROUNDS = 12, 20


@dataclass(frozen=True)
class Pooled:
    """A project, its server, and the address of the pooler between them."""

    project: Path
    server: services.PostgreSQL
    url: str

    def flask(self, *arguments: str) -> str:
        return support.python("-m", "flask", *arguments, cwd=self.project, DATABASE_URL=self.url)


@pytest.fixture(scope="module")
def pooled(new_project: NewProject) -> Iterator[Pooled]:
    project = new_project(token_type="opaque")
    support.write_settings(project)
    with (
        services.postgresql_server() as server,
        services.pgbouncer(server, pool=SESSIONS, options=OPTIONS) as url,
    ):
        server.execute(LIMITS.replace(" app ", " CURRENT_USER "))
        made = Pooled(project, server, f"{url}?options=-c%20application_name%3Dapp")
        made.flask("db", "upgrade")
        yield made


@pytest.fixture(scope="module")
def port(pooled: Pooled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve it to a user `ada` and to those of a crowd."""
    log = tmp_path_factory.mktemp("logs") / "log"
    users = " ".join(["ada", *(f"client-{number}" for number in range(CLIENTS))])
    with services.serving(pooled.project, log, DATABASE_URL=pooled.url, USERS=users) as server:
        yield server.port


def test_more_clients_than_sessions_are_all_served(port: int) -> None:
    def go_on(client: int) -> list[bool]:
        name = f"client-{client}"
        return [clients.is_accepted(port, clients.log_in(port, name)) for _ in range(ROUNDS)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        served = dict(enumerate(pool.map(go_on, range(CLIENTS))))
    assert served == {client: [True] * ROUNDS for client in range(CLIENTS)}


def test_nobody_waits_for_locked_rows(pooled: Pooled, port: int) -> None:
    with psycopg.connect(pooled.server.url) as holder:
        holder.execute("LOCK TABLE logins")
        assert clients.log_in(port).unavailable
    assert clients.log_in(port).status == 200


def test_the_limits_of_the_role_hold_in_each_session(pooled: Pooled) -> None:
    script = services.PROGRAMS / "limits_in_sessions.py"
    variables = {"DATABASE_URL": pooled.url, "SESSIONS": str(SESSIONS)}
    said = support.python(script, cwd=pooled.project, **variables).splitlines()[-1]
    found = json.loads(said)
    assert len({session for session, *_ in found}) == SESSIONS
    assert [limits for _, *limits in found] == [["3s", "5s", "30s"]] * len(found)


# Users, more than it takes for psycopg to prepare the statements that make one, and each
# second one while another client holds the session that was lent before.
COMMANDS = """
import os
import psycopg
from wsgi import app

runner = app.test_cli_runner()
with psycopg.connect(os.environ["DATABASE_URL"]) as other:
    for number in range(16):
        other.execute("SELECT 1") if number % 2 else other.rollback()
        made = runner.invoke(args=["user", "create", f"user-{number}"])
        assert made.exit_code == 0, made.output
"""


def test_commands_work_through_it(pooled: Pooled) -> None:
    support.python("-c", COMMANDS, cwd=pooled.project, DATABASE_URL=pooled.url)
    pooled.flask("db", "check")


def test_the_check_meets_what_a_request_meets(pooled: Pooled, port: int) -> None:
    assert clients.ask(port, "/readyz").status == 200
    found = check(pooled)
    assert not [each for each in ("database.unreachable", "database.migrations") if each in found]


READY = "from wsgi import app; print(app.test_client().get('/readyz').status_code)"


def test_the_check_says_what_each_request_meets_without_the_options(pooled: Pooled) -> None:
    plain = replace(pooled, url=pooled.url.partition("?")[0])
    asked = support.python("-c", READY, cwd=plain.project, DATABASE_URL=plain.url)
    assert asked.splitlines()[-1] == "503"
    found = check(plain)
    assert "database.unreachable" in found
    assert "unsupported startup parameter" in found
    assert "?options=" in found


# The pooler hangs up on all connections that the app keeps.
HUNG_UP = """
import os
import psycopg
from wsgi import app

client = app.test_client()
ask = lambda: client.post("/login", json={"username": "nobody", "password": "a good long password"})
assert ask().status_code == 401
with psycopg.connect(os.environ["CONSOLE"], autocommit=True) as console:
    # The console knows simple queries alone.
    for command in ("KILL postgres", "RESUME postgres"):
        psycopg.ClientCursor(console).execute(command)
assert ask().status_code == 401
"""


def test_a_pooler_that_hung_up_is_not_noticed(pooled: Pooled) -> None:
    console = pooled.url.partition("?")[0].removesuffix("postgres") + "pgbouncer"
    support.python(*("-c", HUNG_UP), cwd=pooled.project, DATABASE_URL=pooled.url, CONSOLE=console)


def check(pooled: Pooled) -> str:
    return pooled.flask("check", "--deploy", "--fail-level", "never")
