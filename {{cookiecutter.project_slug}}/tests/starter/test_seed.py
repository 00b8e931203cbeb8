"""`flask seed`: an example user with a few tasks, once."""

import re

from flask import Flask
from secure_flask import db, testing
from sqlalchemy import func, select

from app import seed, tasks
from app.models import User
from app.tasks import Task
from tests.conftest import PRODUCTION, MakeApp, log_in

PASSWORD = re.compile(r"with password (\S+) and")


def run(app: Flask) -> tuple[int, str]:
    """The exit code, and what the command prints."""
    result = app.test_cli_runner().invoke(args=["seed"])
    return result.exit_code, result.output


def counts(app: Flask) -> list[int | None]:
    with app.app_context():
        return [
            db.session.scalar(select(func.count()).select_from(model)) for model in (User, Task)
        ]


def test_the_example_user_logs_in_with_the_password_shown_and_has_tasks(make_app: MakeApp) -> None:
    app = make_app()
    testing.reset(app)
    [password] = PASSWORD.findall(run(app)[1])
    assert log_in(app, seed.NAME, password)
    with app.app_context():
        user = User.find(seed.NAME)
        assert user
        titles = {task.title for task in db.session.scalars(tasks.of(user))}
    assert titles == {title for title, *_ in seed.TASKS}


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
