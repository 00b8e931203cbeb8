"""The example routes of app/api.py, as their clients see them."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from secure_flask.auth import users
from secure_flask.auth.users import User
from secure_flask.database import db
from app.tasks import Task
from core.conftest import PASSWORD, log_in, stored_user

Login = tuple[FlaskClient, dict[str, str]]

TASKS = "/api/tasks"
TASK = {"title": "Feed the owls", "notes": "Mice,\nno bread", "done": False}
CHANGED = {"title": "Feed the owls twice", "notes": "", "done": True}
SENT = "hunter2"

# What is sent, and the members that the answer finds wrong.
BODIES: dict[str, tuple[object, set[str]]] = {
    "nothing": ({}, {"title"}),
    "a number": ({"title": 1}, {"title"}),
    "blanks": ({"title": "  "}, {"title"}),
    "too long": ({"title": SENT * 20}, {"title"}),
    "a line break in the title": ({"title": f"{SENT}\n"}, {"title"}),
    "a control character": ({"title": "x", "notes": f"{SENT}\0"}, {"notes"}),
    "too much": ({"title": "x", "notes": SENT * 300}, {"notes"}),
    "two slips": ({"title": None, "done": SENT}, {"title", "done"}),
    # A name that the client chose is not repeated.
    "another's": ({"title": "x", SENT: "bob"}, {""}),
    "a list": ([TASK], {""}),
}


@pytest.fixture
def ada(app: Flask) -> Login:
    return login(app)


@pytest.fixture
def bob(app: Flask) -> Login:
    with app.app_context():
        users.create("bob", PASSWORD)
    return login(app, username="bob")


def login(app: Flask, **body: str) -> Login:
    client = app.test_client()
    return client, log_in(client, **body)


def call(login: Login, method: str, path: str = TASKS, body: Any = None) -> TestResponse:
    client, credentials = login
    return client.open(path, method=method, json=body, headers=credentials)


def add(login: Login, **changes: object) -> str:
    """Add a task; its path."""
    answer = call(login, "POST", body={**TASK, **changes})
    assert answer.status_code == 201
    return f"{TASKS}/{answer.get_json()['id']}"


def listed(login: Login) -> list[dict[str, Any]]:
    return list(call(login, "GET").get_json()["tasks"])


def titles(login: Login) -> list[str]:
    return [task["title"] for task in listed(login)]


def test_a_user_adds_shows_changes_and_deletes_a_task(ada: Login) -> None:
    task = add(ada)
    shown = call(ada, "GET", task).get_json()
    assert shown == {"id": task.removeprefix(f"{TASKS}/"), **TASK}
    assert listed(ada) == [shown]
    changed = call(ada, "PUT", task, CHANGED)
    assert (changed.status_code, changed.get_json()) == (200, {**shown, **CHANGED})
    assert listed(ada) == [{**shown, **CHANGED}]
    assert call(ada, "DELETE", task).status_code == 204
    assert listed(ada) == []
    assert call(ada, "GET", task).status_code == 404


def test_a_title_is_enough_and_open_tasks_come_first(ada: Login) -> None:
    add(ada, title="a", done=True)
    assert call(ada, "POST", body={"title": "b"}).get_json().items() > {"title": "b"}.items()
    assert titles(ada) == ["b", "a"]


def test_markup_comes_back_as_data(ada: Login) -> None:
    answer = call(ada, "GET", add(ada, title="<b>Owls</b>"))
    assert answer.get_json()["title"] == "<b>Owls</b>"
    assert answer.content_type == "application/json"


def test_strangers_neither_read_nor_write(app: Flask, ada: Login) -> None:
    task = add(ada)
    stranger = (app.test_client(), dict[str, str]())
    for method, path in (("GET", TASKS), ("POST", TASKS), ("GET", task), ("PUT", task)):
        body = None if method == "GET" else CHANGED
        assert call(stranger, method, path, body).status_code == 401
    assert call(stranger, "DELETE", task).status_code == 401
    assert titles(ada) == [TASK["title"]]


def test_another_users_task_is_not_found(ada: Login, bob: Login) -> None:
    task = add(ada)
    add(bob, title="Count the mice")
    assert titles(bob) == ["Count the mice"]
    missing = call(bob, "GET", f"{TASKS}/{uuid4()}")
    for method, body in (("GET", None), ("PUT", CHANGED), ("DELETE", None)):
        answer = call(bob, method, task, body)
        # As for a task that there is not.
        assert (answer.status_code, answer.data) == (404, missing.data)
    assert titles(ada) == [TASK["title"]]


def test_no_body_chooses_the_owner_or_the_id(ada: Login, bob: Login) -> None:
    task = add(bob)
    for name in ("owner_id", "owner", "id", "user_id"):
        body = {**TASK, name: task.removeprefix(f"{TASKS}/")}
        assert call(ada, "POST", body=body).status_code == 400
    assert (titles(ada), titles(bob)) == ([], [TASK["title"]])


def test_a_wrong_body_is_refused_and_each_wrong_member_named(
    ada: Login, subtests: pytest.Subtests
) -> None:
    task = add(ada)
    for name, (body, wrong) in BODIES.items():
        with subtests.test(name):
            for method, path in (("POST", TASKS), ("PUT", task)):
                answer = call(ada, method, path, body)
                assert answer.status_code == 400
                assert answer.get_json()["fields"].keys() == wrong
                assert SENT not in answer.text
    assert titles(ada) == [TASK["title"]]


def test_tasks_go_with_their_owner(app: Flask, ada: Login, bob: Login) -> None:
    add(ada)
    add(bob)
    with stored_user(app) as user:
        db.session.delete(user)
    with app.app_context():
        left = db.session.scalars(select(User.name).join(Task, Task.owner_id == User.id)).all()
        assert (left, db.session.scalars(select(Task.title)).all()) == (["bob"], [TASK["title"]])
