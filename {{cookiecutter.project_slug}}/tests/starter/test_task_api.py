"""The JSON routes of app/api.py: each user has tasks, which no other user sees or changes."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, testing
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import tasks
from app.models import User
from app.tasks import MAX_NOTES, MAX_TITLE, Task
from tests.conftest import NAME, add_user, log_in

TASK = {"title": "Feed the owls", "notes": "Mice,\nno bread", "done": False}
CHANGED = {"title": "Feed the owls twice", "notes": "", "done": True}
SENT = "hunter2"

# What is sent, and the members that the response names.
BODIES: list[tuple[object, set[str]]] = [
    ({}, {"title"}),
    ({"title": 1}, {"title"}),
    ({"title": "  "}, {"title"}),
    ({"title": SENT * MAX_TITLE}, {"title"}),
    ({"title": f"{SENT}\n"}, {"title"}),
    ({"title": "x", "notes": f"{SENT}\0"}, {"notes"}),
    ({"title": "x", "notes": SENT * MAX_NOTES}, {"notes"}),
    ({"title": None, "done": SENT}, {"title", "done"}),
    # A name that the client chose is not repeated.
    ({"title": "x", SENT: "bob"}, {""}),
    ([TASK], {""}),
]
# The calls of the route of one task.
CALLS: list[tuple[str, object]] = [("GET", None), ("PUT", CHANGED), ("DELETE", None)]


@pytest.fixture
def bob(app: Flask) -> FlaskClient:
    add_user(app, "bob")
    return log_in(app, "bob")


def call(
    client: FlaskClient, method: str, task: object = None, body: object = None
) -> TestResponse:
    """Call the route of the list, or that of one task."""
    values = {"task_id": UUID(str(task))} if task else {}
    endpoint = "api.show_task" if task else "api.list_tasks"
    path = testing.path_of(client.application, endpoint, **values)
    return client.open(path, method=method, json=body)


def add(client: FlaskClient, **changes: object) -> str:
    """Add a task; its id."""
    response = call(client, "POST", body={**TASK, **changes})
    assert response.status_code == 201
    return str(response.get_json()["id"])


def titles(client: FlaskClient) -> list[str]:
    listed: list[dict[str, Any]] = call(client, "GET").get_json()["tasks"]
    return [task["title"] for task in listed]


def test_a_user_adds_shows_changes_and_deletes_a_task(ada: FlaskClient) -> None:
    task = add(ada)
    assert call(ada, "GET", task).get_json() == {"id": task, **TASK}
    changed = call(ada, "PUT", task, CHANGED)
    assert (changed.status_code, changed.get_json()) == (200, {"id": task, **CHANGED})
    assert titles(ada) == [CHANGED["title"]]
    assert call(ada, "DELETE", task).status_code == 204
    assert titles(ada) == []
    assert call(ada, "GET", task).status_code == 404


def test_open_tasks_come_first(ada: FlaskClient) -> None:
    add(ada, title="a", done=True)
    add(ada, title="b")
    assert titles(ada) == ["b", "a"]


def test_a_long_list_names_its_next_page(ada: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PER_PAGE", 2)
    for title in ("a", "b", "c"):
        add(ada, title=title)
    first = call(ada, "GET").get_json()
    second = ada.get(first["next"]).get_json()
    assert [task["title"] for task in first["tasks"] + second["tasks"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_a_full_list_takes_a_task_when_another_has_gone(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MAX_TASKS", 1)
    first = add(ada)
    refused = call(ada, "POST", body=TASK)
    assert (refused.status_code, "delete" in refused.text) == (409, True)
    call(ada, "DELETE", first)
    assert add(ada) != first


def test_visitors_neither_read_the_list_nor_add_to_it(
    client: FlaskClient, ada: FlaskClient
) -> None:
    assert call(client, "GET").status_code == 401
    assert call(client, "POST", body=TASK).status_code == 401
    assert titles(ada) == []


@pytest.mark.parametrize(("method", "body"), CALLS)
def test_visitors_neither_read_nor_write_a_task(
    client: FlaskClient, ada: FlaskClient, method: str, body: object
) -> None:
    task = add(ada)
    assert call(client, method, task, body).status_code == 401
    assert titles(ada) == [TASK["title"]]


@pytest.mark.parametrize(("method", "body"), CALLS)
def test_the_task_of_another_user_is_not_found(
    ada: FlaskClient, bob: FlaskClient, method: str, body: object
) -> None:
    task = add(ada)
    assert titles(bob) == []
    response = call(bob, method, task, body)
    # As for a task that does not exist.
    assert (response.status_code, response.data) == (404, call(bob, "GET", uuid4()).data)
    assert titles(ada) == [TASK["title"]]


@pytest.mark.parametrize("name", ["owner_id", "owner", "id", "user_id"])
def test_no_body_chooses_the_owner_or_the_id(ada: FlaskClient, bob: FlaskClient, name: str) -> None:
    response = call(ada, "POST", body={**TASK, name: add(bob)})
    assert response.status_code == ada.application.config["INVALID_STATUS"]
    assert titles(ada) == []


@pytest.mark.parametrize(("body", "wrong"), BODIES)
def test_a_wrong_body_is_refused_and_each_wrong_member_named(
    ada: FlaskClient, body: object, wrong: set[str]
) -> None:
    task = add(ada)
    responses = [call(ada, "POST", body=body), call(ada, "PUT", task, body)]
    invalid = ada.application.config["INVALID_STATUS"]
    assert {each.status_code for each in responses} == {invalid}
    # In whatever shape create_app gives to errors.
    named = [{name for name in wrong if f'"{name}' in each.text} for each in responses]
    assert named == [wrong, wrong]
    # In development, `hint` has the name of a member that the model does not declare.
    assert SENT not in f"{[{**each.get_json(), 'hint': None} for each in responses]}"
    assert titles(ada) == [TASK["title"]]


def test_tasks_go_with_their_owner(app: Flask, ada: FlaskClient, bob: FlaskClient) -> None:
    add(ada)
    add(bob, title="Count the mice")
    with app.app_context():
        db.session.delete(User.find(NAME))
        db.session.commit()
        assert db.session.scalars(select(Task.title)).all() == ["Count the mice"]
