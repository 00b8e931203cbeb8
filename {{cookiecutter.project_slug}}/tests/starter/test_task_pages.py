"""The pages of app/pages.py with their forms, as a browser without scripts uses them."""

from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, testing
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import tasks
from app.tasks import MAX_NOTES, MAX_TITLE, Task
from tests.conftest import BROWSER, add_user, log_in
from tests.page_elements import Elements

MARKUP = "<b>Owls</b>"


@pytest.fixture
def bob(app: Flask) -> FlaskClient:
    add_user(app, "bob")
    return log_in(app, "bob")


def path(client: FlaskClient, view: str, task: object = None) -> str:
    values = {"task_id": task} if task else {}
    return testing.path_of(client.application, f"pages.{view}", **values)


def show(client: FlaskClient, view: str, task: object = None) -> TestResponse:
    return client.get(path(client, view, task), headers=BROWSER)


def send(client: FlaskClient, view: str, task: object = None, **fields: str) -> TestResponse:
    """Send the form of a page; the client was logged in by `testing.log_in_by_json`."""
    # A browser sends a button too.
    return client.post(path(client, view, task), data={"save": "", **fields}, headers=BROWSER)


def add(client: FlaskClient, title: str = "Feed the owls", notes: str = "") -> UUID:
    """Add a task by its form; its id."""
    assert send(client, "new_task", title=title, notes=notes).status_code == 303
    with client.application.app_context():
        return db.session.scalars(select(Task.id).where(Task.title == title)).one()


def fields_of(page: str) -> dict[str, dict[str, str]]:
    found = Elements(page)
    return {each["name"]: each for each in (*found.of("input"), *found.of("textarea"))}


def statuses(client: FlaskClient, task: object) -> list[int]:
    """What a client gets who opens, edits, marks and deletes a task."""
    answers = [show(client, "edit_task", task), send(client, "edit_task", task, title="Owned")]
    answers += [send(client, "mark_task", task, done="y"), send(client, "delete_task", task)]
    return [answer.status_code for answer in answers]


def marks(client: FlaskClient) -> list[tuple[str, str]]:
    """For each task of the list: whether its button shows it as done, and what it sends."""
    buttons = Elements(show(client, "list_tasks").text).of("button")
    return [(each["aria-pressed"], each["value"]) for each in buttons if each.get("name") == "done"]


def test_a_user_adds_edits_and_deletes_a_task_by_forms(ada: FlaskClient) -> None:
    task = add(ada, notes="Mice,\r\nno bread")
    shown = show(ada, "edit_task", task).text
    assert fields_of(shown)["title"]["value"] == "Feed the owls"
    assert "Mice,\r\nno bread</textarea>" in shown
    assert "checked" not in fields_of(shown)["done"]
    response = send(ada, "edit_task", task, title="Feed them twice", done="y")
    assert (response.status_code, response.location) == (303, path(ada, "list_tasks"))
    assert "Feed them twice" in show(ada, "list_tasks").text
    assert "checked" in fields_of(show(ada, "edit_task", task).text)["done"]
    assert send(ada, "delete_task", task).status_code == 303
    assert show(ada, "edit_task", task).status_code == 404


def test_a_button_of_the_list_marks_a_task_as_done_and_as_open_again(ada: FlaskClient) -> None:
    task = add(ada)
    assert marks(ada) == [("false", "y")]
    # A second click while the page loads changes nothing.
    answers = [send(ada, "mark_task", task, done="y") for _ in range(2)]
    assert [answer.location for answer in answers] == [path(ada, "list_tasks")] * 2
    assert marks(ada) == [("true", "")]
    assert send(ada, "mark_task", task, done="").status_code == 303
    assert marks(ada) == [("false", "y")]


def test_a_long_list_has_pages(ada: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PER_PAGE", 2)
    added = {path(ada, "edit_task", add(ada, title=title)) for title in ("a", "b", "c")}
    seen, following = list[set[str]](), path(ada, "list_tasks")
    while following:
        links = Elements(ada.get(following, headers=BROWSER).text).of("a")
        seen.append(added.intersection(link["href"] for link in links))
        following = next((link["href"] for link in links if link.get("rel") == "next"), "")
    assert [len(each) for each in seen] == [2, 1]
    assert set.union(*seen) == added


def test_a_full_list_takes_no_further_task(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MAX_TASKS", 1)
    add(ada, title="a")
    refused = [show(ada, "new_task"), send(ada, "new_task", title="b")]
    assert [each.status_code for each in refused] == [409, 409]
    assert "delete some first" in refused[0].text
    assert ">b<" not in show(ada, "list_tasks").text


def test_a_title_stays_text_on_every_page(ada: FlaskClient) -> None:
    task = add(ada, title=MARKUP, notes=f"</textarea>{MARKUP}")
    pages = [show(ada, "list_tasks").text, show(ada, "edit_task", task).text]
    assert [Elements(page).of("b") for page in pages] == [[], []]
    assert ["&lt;b&gt;Owls&lt;/b&gt;" in page for page in pages] == [True, True]


@pytest.mark.parametrize("view", ["new_task", "edit_task"])
@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ("title", {"title": "", "notes": "Mice"}),
        ("title", {"title": "x" * (MAX_TITLE + 1), "notes": "Mice"}),
        ("notes", {"title": "Owls", "notes": "x" * (MAX_NOTES + 1)}),
    ],
)
def test_a_wrong_field_comes_back_with_what_was_typed_and_its_reason(
    ada: FlaskClient, view: str, wrong: str, fields: dict[str, str]
) -> None:
    response = send(ada, view, add(ada) if view == "edit_task" else None, **fields)
    assert response.status_code == 422
    field = fields_of(response.text)[wrong]
    assert field["aria-invalid"] == "true"
    assert f'id="{field["aria-describedby"]}"' in response.text
    assert f"{fields['notes']}</textarea>" in response.text


def test_the_task_of_another_user_is_not_found(ada: FlaskClient, bob: FlaskClient) -> None:
    mine = add(ada)
    assert "Feed the owls" not in show(bob, "list_tasks").text
    assert statuses(bob, mine) == statuses(bob, uuid4()) == [404] * 4
    assert "Feed the owls" in show(ada, "list_tasks").text


@pytest.mark.parametrize("view", ["new_task", "edit_task", "mark_task", "delete_task"])
def test_another_site_sends_no_form(ada_on_pages: FlaskClient, view: str) -> None:
    task = add(ada_on_pages)
    ada_on_pages.environ_base["HTTP_ORIGIN"] = "https://evil.example"
    shown = None if view == "new_task" else task
    assert send(ada_on_pages, view, shown, title="Owned").status_code == 403
    assert "Owned" not in show(ada_on_pages, "list_tasks").text
    assert "Feed the owls" in show(ada_on_pages, "list_tasks").text
