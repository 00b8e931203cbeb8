"""The queue for passwords on PostgreSQL and Redis, in two processes that count together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

import services
from conftest import NewProject
from services import clients

LIMIT = 5  # guesses in a year, so that no window ends meanwhile
WORKERS = 2

pytestmark = pytest.mark.all


@pytest.fixture
def port(ready_project: NewProject, tmp_path: Path) -> Iterator[int]:
    project, log = ready_project(), tmp_path / "log"
    with services.redis() as redis, services.postgresql() as database:
        settings = {"DATABASE_URL": database, "REDIS_URL": redis, "MAX_WAIT": "60"}
        services.add_users(project, database, "ada")
        settings["LOGIN_RATE_LIMIT"] = f"{LIMIT} per year"
        options = f"--workers={WORKERS}"
        with services.serving(project, log, options, **settings) as server:
            yield server.port


def at_once(port: int, number: int, password: str) -> Counter[int]:
    """What so many logins get that threads begin together."""
    begin = Barrier(number)

    def log_in(_: int) -> int:
        begin.wait(60)
        return clients.log_in(port, "ada", password).status

    with ThreadPoolExecutor(number) as threads:
        return Counter(threads.map(log_in, range(number)))


def test_eight_of_an_office_get_in_and_of_thirty_guesses_five_are_checked(port: int) -> None:
    assert at_once(port, 8, clients.PASSWORD) == {200: 8}
    guessed = at_once(port, 30, "a wrong long password")
    assert guessed[401] == LIMIT
    assert guessed[429] + guessed[503] == 30 - LIMIT
