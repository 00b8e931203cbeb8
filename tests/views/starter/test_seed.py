"""`flask seed`, which makes the example: a user with a few tasks, once."""

import re

from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from app import seed, tasks
from secure_flask.auth import users
from secure_flask.auth.users import User
from secure_flask.database import Model, db
from app.tasks import Task
from core.conftest import PRODUCTION, MakeApp, log_in, stored_user

PASSWORD = re.compile(r"with password (\S+) and")


def run(app: Flask) -> Result:
    return app.test_cli_runner().invoke(args=["seed"])


def count(app: Flask, model: type[Model]) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def empty(make_app: MakeApp, **changes: object) -> Flask:
    app = make_app(**changes)
    with stored_user(app) as user:
        db.session.delete(user)
    return app


def test_the_example_user_logs_in_with_the_password_shown_and_has_tasks(make_app: MakeApp) -> None:
    app = empty(make_app)
    result = run(app)
    [password] = PASSWORD.findall(result.stdout)
    assert log_in(app.test_client(), username=seed.NAME, password=password)
    with app.app_context():
        user = users.find(seed.NAME)
        assert user
        found = db.session.scalars(tasks.of(user)).all()
    assert {task.title for task in found} == {title for title, *_ in seed.TASKS}
    assert len({task.done for task in found}) == 2, "Open and done ones look different."


def test_run_again_it_adds_nothing_and_says_so(make_app: MakeApp) -> None:
    app = empty(make_app)
    run(app)
    before = count(app, User), count(app, Task)
    result = run(app)
    assert (result.exit_code, result.stdout) == (
        0,
        f"There is a user {seed.NAME} already: nothing was added.\n",
    )
    assert (count(app, User), count(app, Task)) == before


def test_each_password_is_another(make_app: MakeApp) -> None:
    shown = [PASSWORD.findall(run(empty(make_app)).stdout) for _ in range(2)]
    assert shown[0] != shown[1]


def test_production_is_refused_with_a_sentence(make_app: MakeApp) -> None:
    app = empty(make_app, **PRODUCTION)
    result = run(app)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The example is for development. ")
    assert count(app, User) == 0


def test_a_database_without_tables_is_explained(make_app: MakeApp) -> None:
    app = make_app(fill=False)
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    result = run(app)
    assert result.exit_code == 1
    assert "flask db upgrade`" in result.stderr
