"""The list of tasks at its greatest length: what it costs, and which pages it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from sqlalchemy import event, insert

from app.tasks import MAX_TASKS, PER_PAGE, Task
from core.statements import statements_of
from views.conftest import log_in, stored_user

LISTS = ("/tasks", "/api/tasks")
LAST = MAX_TASKS // PER_PAGE
PAST_THE_LAST = (LAST + 1, 10**17, 10**300)
NO_PAGES = (0, -1, "x", "\u0662", "9" * 5000, "", "1.0")


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app whose user has as many tasks as a user may have."""
    with stored_user(app) as user:
        rows = [_row(number) | {"owner_id": user.id} for number in range(MAX_TASKS)]
        db.session.execute(insert(Task), rows)
    return app


def _row(number: int) -> dict[str, Any]:
    return {"id": uuid4(), "title": f"Task {number:05}", "notes": "", "done": number % 2 == 0}


@contextmanager
def planned(app: Flask) -> Iterator[list[str]]:
    """The plans of the statements on tasks in the block, as the database tells them."""
    plans: list[str] = []
    with app.app_context():
        engine = db.engine
    on_sqlite = engine.dialect.name == "sqlite"

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT") and "FROM tasks" in statement:
            plan = connection.connection.cursor()
            if not on_sqlite:
                # It sorts where it must, or reads all rows, and not because few are there.
                plan.execute("SET LOCAL enable_sort = off")
                plan.execute("SET LOCAL enable_seqscan = off")
            plan.execute(f"EXPLAIN {'QUERY PLAN ' * on_sqlite}{statement}", parameters)
            plans.append("\n".join(str(row[-1]) for row in plan.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("path", LISTS)
def test_the_last_page_is_read_in_the_order_of_an_index(
    app: Flask, client: FlaskClient, path: str
) -> None:
    credentials = log_in(client)
    with planned(app) as plans:
        assert client.get(f"{path}?page={LAST}", headers=credentials).status_code == 200
    assert plans
    sorting = [plan for plan in plans if "sort" in plan.lower() or "B-TREE" in plan]
    assert sorting == []
    assert [plan for plan in plans if "ix_tasks_owner_id" not in plan] == []


@pytest.mark.parametrize("path", LISTS)
def test_a_page_reads_no_more_rows_than_it_shows(
    app: Flask, client: FlaskClient, path: str
) -> None:
    credentials = log_in(client)
    with statements_of(app) as counted:
        client.get(f"{path}?page={LAST}", headers=credentials)
    assert max(counted.rows_of) == PER_PAGE


@pytest.mark.parametrize("path", LISTS)
def test_a_page_past_the_last_is_not_found_and_another_text_is_refused(
    client: FlaskClient, path: str
) -> None:
    credentials = log_in(client)
    answers = {
        page: client.get(path, query_string={"page": page}, headers=credentials).status_code
        for page in (LAST, *PAST_THE_LAST, *NO_PAGES)
    }
    refused = dict.fromkeys(PAST_THE_LAST, 404) | dict.fromkeys(NO_PAGES, 400)
    assert answers == {LAST: 200} | refused
    described = client.get("/openapi.json").get_json()["paths"][path]["get"]
    assert described["responses"].keys() >= {"400", "404"}
    # A link in a mail leads to the page alone.
    tracked = client.get(f"{path}?utm_source=news", headers=credentials)
    assert tracked.status_code == (200 if path == LISTS[0] else 400)


def test_a_user_adds_no_more_tasks_than_that(client: FlaskClient) -> None:
    credentials = log_in(client)
    answer = client.post("/api/tasks", json={"title": "One more"}, headers=credentials)
    assert answer.status_code == 409
    assert "10,000" in answer.get_json()["error"]
