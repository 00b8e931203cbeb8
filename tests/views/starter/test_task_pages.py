"""The pages of app/pages.py with their forms, as a browser without scripts uses them."""

import re
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import routes
from views.conftest import (
    LOGIN,
    OWN,
    USERNAME,
    add_user,
    log_in_by_form,
    post,
    with_and_without_bearer,
)
from views.page_elements import Elements

START, TASKS, NEW = "/", "/tasks", "/tasks/new"
MARKUP = "<b>Owls</b>"

pytestmark = with_and_without_bearer


@pytest.fixture
def ada(client: FlaskClient) -> FlaskClient:
    return log_in_by_form(client)


@pytest.fixture
def bob(app: Flask) -> FlaskClient:
    add_user(app, "bob")
    return log_in_by_form(app.test_client(), username="bob")


def add(client: FlaskClient, **fields: str) -> str:
    """Add a task by its form; its address."""
    before = set(tasks(client))
    assert post(client, NEW, **{"title": "Feed the owls", **fields}).status_code == 303
    [added] = set(tasks(client)) - before
    return added


def tasks(client: FlaskClient) -> dict[str, str]:
    """The title of each task in the list, by its address."""
    found = re.findall(rf'<a href="({TASKS}/[0-9a-f-]+)"[^>]*>(.*?)</a>', client.get(TASKS).text)
    return dict(found)


def fields_of(page: str) -> dict[str, dict[str, str]]:
    """The fields of a page by name."""
    found = Elements(page)
    return {each["name"]: each for each in (*found.of("input"), *found.of("textarea"))}


def test_a_stranger_logs_in_and_comes_to_the_page(client: FlaskClient) -> None:
    answer = client.get(TASKS, headers=OWN)
    assert (answer.status_code, answer.location) == (303, f"{routes.LOGIN}?next={TASKS}")
    forms = Elements(client.get(answer.location).text).of("form")
    [form] = [form for form in forms if form.get("method") == "post"]
    answer = client.post(form["action"], data=LOGIN, headers=OWN)
    assert (answer.status_code, answer.location) == (303, TASKS)
    assert client.get(TASKS).status_code == 200


def test_a_user_adds_edits_and_deletes_a_task_by_forms(ada: FlaskClient) -> None:
    task = add(ada, notes="Mice,\r\nno bread")
    assert tasks(ada) == {task: "Feed the owls"}
    shown = ada.get(task).text
    assert fields_of(shown)["title"]["value"] == "Feed the owls"
    assert "Mice,\r\nno bread</textarea>" in shown
    assert "checked" not in fields_of(shown)["done"]
    answer = post(ada, task, title="Feed them twice", notes="", done="y")
    assert (answer.status_code, answer.location) == (303, TASKS)
    assert tasks(ada) == {task: "Feed them twice"}
    assert "checked" in fields_of(ada.get(task).text)["done"]
    answer = post(ada, f"{task}/delete")
    assert (answer.status_code, answer.location) == (303, TASKS)
    assert tasks(ada) == {}
    assert ada.get(task).status_code == 404


def test_the_list_says_once_what_was_done(ada: FlaskClient) -> None:
    post(ada, NEW, title=MARKUP)
    shown = ada.get(TASKS).text
    assert re.search(r'role="status">Added: &lt;b&gt;Owls&lt;/b&gt;<', shown)
    assert "Added" not in ada.get(TASKS).text


def test_a_title_stays_text_on_every_page(ada: FlaskClient) -> None:
    task = add(ada, title=MARKUP, notes=f"</textarea>{MARKUP}")
    for path in (TASKS, task):
        page = ada.get(path).text
        assert not Elements(page).of("b")
        assert "&lt;b&gt;Owls&lt;/b&gt;" in page


def test_a_wrong_field_comes_back_with_what_was_typed_and_its_reason(
    ada: FlaskClient, subtests: pytest.Subtests
) -> None:
    task = add(ada)
    for path in (NEW, task):
        for wrong, fields in (
            ("title", {"title": "", "notes": "Mice"}),
            ("title", {"title": "x" * 101, "notes": "Mice"}),
            ("notes", {"title": "Owls", "notes": "Mice" * 501}),
        ):
            with subtests.test(path=path, wrong=wrong):
                answer = post(ada, path, **fields)
                assert answer.status_code == 422
                field = fields_of(answer.text)[wrong]
                assert field["aria-invalid"] == "true"
                assert f'id="{field["aria-describedby"]}"' in answer.text
                assert f"{fields['notes']}</textarea>" in answer.text
    assert tasks(ada) == {task: "Feed the owls"}


def test_a_page_of_another_site_writes_nothing(ada: FlaskClient) -> None:
    task = add(ada)
    for path in (NEW, task, f"{task}/delete"):
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}, {}):
            assert post(ada, path, headers, title="Owned").status_code == 403
    assert tasks(ada) == {task: "Feed the owls"}


def test_another_users_task_is_not_found(ada: FlaskClient, bob: FlaskClient) -> None:
    task = add(ada)
    assert tasks(bob) == {}
    for path in (task, f"{TASKS}/{uuid4()}"):
        assert bob.get(path).status_code == 404
        for target in (path, f"{path}/delete"):
            assert post(bob, target, title="Owned").status_code == 404
    assert tasks(ada) == {task: "Feed the owls"}


def test_the_start_page_offers_a_login_or_names_the_user(client: FlaskClient) -> None:
    stranger = client.get(START).text
    assert routes.LOGIN in [link["href"] for link in Elements(stranger).of("a")]
    assert routes.LOGOUT not in stranger
    log_in_by_form(client)
    user = client.get(START).text
    assert f"<bdi>{USERNAME}</bdi>" in user
    assert post(client, routes.LOGOUT).location == START
    assert client.get(TASKS, headers=OWN).status_code == 303
