"""Clients at the same moment: sixteen use one login, on each kind of database, and admins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import services
import support
from conftest import NewProject, Rendered

pytestmark = pytest.mark.all

RACES = services.PROGRAMS / "refresh_races.py"
LEAVING = services.PROGRAMS / "leaving_admin.py"

ONE_WINS, NONE_WINS = [200] + [401] * 15, [401] * 16
# No token that was given is accepted or refreshed, and no row is left.
DEAD = {"accepted": 0, "refreshed": 0, "rows": 0}
ROUNDS = {"sqlite": 5, "postgresql": 40}

Outcomes = list[dict[str, Any]]
Run = Callable[..., Outcomes]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def run(
    request: pytest.FixtureRequest,
    ready_project: NewProject,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    """Run a race some times: what each came to, and what was left of the login."""
    project, rounds = ready_project(), ROUNDS[request.param]
    limits = {"LOGIN_RATE_LIMIT": "1000000 per minute"}

    def run_rounds(race: str, grace: int = 0) -> Outcomes:
        arguments = (race, str(rounds), str(grace))
        output = support.python(RACES, *arguments, cwd=project, DATABASE_URL=url, **limits)
        lines = [line for line in output.splitlines() if line.startswith("{")]
        assert len(lines) == rounds, output
        return [json.loads(line) for line in lines]

    with services.database(request.param, tmp_path_factory.mktemp("races")) as url:
        yield run_rounds


def test_of_those_who_spend_one_refresh_token_one_wins_and_the_login_ends(run: Run) -> None:
    ended = {"statuses": ONE_WINS, **DEAD, "branches": 1}
    assert [each for each in run("spend") if each != ended] == []


def test_in_the_grace_all_of_them_get_the_same_answer(run: Run) -> None:
    same = {
        **{"statuses": [200] * 16, "branches": 1},
        **{"accepted": 17, "refreshed": 17, "rows": 1},
    }
    assert [each for each in run("spend", 30) if each != same] == []


def test_in_the_grace_a_token_from_before_the_last_still_ends_the_login(run: Run) -> None:
    outcomes = run("overtake", 30)
    assert [each for each in outcomes if each["branches"] > 2] == []
    assert [each for each in outcomes if each["rows"] and each["statuses"] != [200] * 16] == []


def test_a_spent_token_ends_the_login_however_fast_its_owner_goes_on(run: Run) -> None:
    outcomes = run("overtake")
    assert [each for each in outcomes if each["statuses"] not in (ONE_WINS, NONE_WINS)] == []
    assert [each for each in outcomes if not each.items() >= DEAD.items()] == []


def test_no_refresh_survives_a_logout_at_the_same_moment(run: Run) -> None:
    outcomes = run("leave")
    assert {status for each in outcomes for status in each["statuses"]} <= {200, 204, 401}
    assert [each for each in outcomes if not each.items() >= DEAD.items()] == []


def test_logins_at_the_same_moment_leave_no_more_than_are_allowed(run: Run) -> None:
    left = {"statuses": [200] * 16, "accepted": 2, "refreshed": 2, "rows": 2}
    assert [each for each in run("pile_up") if not each.items() >= left.items()] == []


def test_no_login_with_the_old_password_survives_its_change(run: Run) -> None:
    outcomes = run("change")
    assert {status for each in outcomes for status in each["statuses"]} <= {200, 401}
    # The row that is left is the login of the one who changed it.
    left = {"accepted": 0, "refreshed": 0, "rows": 1}
    assert [each for each in outcomes if not each.items() >= left.items()] == []


def test_an_admin_leaves_while_another_one_gives_this_person_roles(rendered: Rendered) -> None:
    project = rendered({"accounts": "self-service"})
    with services.postgresql() as url:
        output = support.python(LEAVING, cwd=project, DATABASE_URL=url)
    assert output.splitlines()[-1] == "303 200"
