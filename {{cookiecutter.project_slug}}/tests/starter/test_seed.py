"""`flask seed`: example people and tasks, once."""

import re

from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, testing
from sqlalchemy import func, select

from app import seed, tasks
from app.models import User
from app.tasks import Task
from tests.conftest import BROWSER, PRODUCTION, MakeApp, log_in

SHOWN = re.compile(r"user (\S+), .* with password (\S+)")


def run(app: Flask) -> tuple[int, str]:
    """The exit code, and what the command prints."""
    result = app.test_cli_runner().invoke(args=["seed"])
    return result.exit_code, result.output


def seeded(make_app: MakeApp) -> dict[str, FlaskClient]:
    """Who logs in with the password that the command shows."""
    # An admin logs in by a password, even if SECOND_FACTOR_ROLES demands more of admins.
    app = make_app(SECOND_FACTOR_ROLES=[])
    testing.reset(app)
    shown = dict(SHOWN.findall(run(app)[1]))
    return {name: log_in(app, name, password) for name, password in shown.items()}


def page(client: FlaskClient, endpoint: str) -> str:
    return client.get(testing.path_of(client.application, endpoint), headers=BROWSER).text


def counts(app: Flask) -> list[int | None]:
    with app.app_context():
        return [
            db.session.scalar(select(func.count()).select_from(model)) for model in (User, Task)
        ]


def test_the_user_has_tasks_devices_and_a_key(make_app: MakeApp) -> None:
    ada = seeded(make_app)[seed.NAME]
    with ada.application.app_context():
        user = User.find(seed.NAME)
        assert user
        found = {(task.title, task.done) for task in db.session.scalars(tasks.of(user))}
    assert found == {(title, done) for title, _, done in seed.TASKS}
    account = page(ada, "account.show")
    # TEXTS may translate what stands between the browser and the system.
    expected = {seed.KEY, "Chrome", "Windows", "Safari", "iPhone"}
    assert {text for text in expected if text in account} == expected
    assert "People</a>" not in account


def test_the_admin_sees_all_of_them(make_app: MakeApp) -> None:
    people = page(seeded(make_app)[seed.NAME_OF_ADMIN], "people.list_people")
    names = {seed.NAME, seed.NAME_OF_ADMIN, *seed.OTHERS}
    assert {name for name in names if f"<bdi>{name}</bdi>" in people} == names
    assert people.count("Locked out") == 1


def test_run_again_it_adds_nothing(make_app: MakeApp) -> None:
    app = make_app()
    testing.reset(app)
    run(app)
    before = counts(app)
    assert run(app)[0] == 0
    assert counts(app) == before


def test_production_is_refused(make_app: MakeApp) -> None:
    app = make_app(**PRODUCTION)
    testing.reset(app)
    assert run(app)[0] == 1
    assert counts(app) == [0, 0]
