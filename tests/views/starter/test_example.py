"""What the example shows beyond its own tests in the project, which the renders run."""

import re

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient
from secure_flask import Model, db, public
from secure_flask.csp_levels import NONE, PARANOID

from app.models import User
from tests.page_elements import Elements
from views import PROJECT
from views.conftest import OWN, PRODUCTION, MakeApp, log_in, log_in_by_form, post, stored_user

# What policy.py holds, and the header that changes with it.
SET_BY = [
    ("CSP", {"default-src": [NONE], "frame-ancestors": [NONE]}, "Content-Security-Policy"),
    ("CSP_CANDIDATE", {"img-src": [NONE]}, "Content-Security-Policy-Report-Only"),
    ("LINKS", [], "Connection-Allowlist"),
    ("CSP_CANDIDATE", PARANOID, "Connection-Allowlist-Report-Only"),
    ("CSP_CANDIDATE", PARANOID, "Integrity-Policy-Report-Only"),
    ("FRAME_ANCESTORS", ["https://partner.example.org"], "X-Frame-Options"),
]


def protections(page: str) -> list[tuple[str, str]]:
    """Each header that the start page explains, in small letters, and what sets it."""
    row = r'data-header="([^"]+)".*?Set by <code>([^<]+)</code>'
    return re.findall(row, page, re.DOTALL)


@pytest.mark.parametrize(("name", "value", "header"), SET_BY, ids=[header for *_, header in SET_BY])
def test_a_header_is_set_by_what_the_page_names(
    make_app: MakeApp, name: str, value: object, header: str
) -> None:
    usual = {**PRODUCTION, "FRAME_ANCESTORS": [NONE]}
    before = make_app(**usual).test_client().get("/")
    after = make_app(**{**usual, name: value}).test_client().get("/")
    assert (header.lower(), name) in protections(before.text)
    sent = [re.sub("nonce-[^']*", "", each.headers.get(header, "")) for each in (before, after)]
    assert sent[0] != sent[1]


def test_a_header_is_set_in_the_file_that_the_page_names(make_app: MakeApp) -> None:
    shown = protections(make_app(**PRODUCTION).test_client().get("/").text)
    files = {header: (PROJECT / file).read_text("utf-8") for header, file in shown if "/" in file}
    assert files
    assert [header for header, text in files.items() if header not in text.lower()] == []


def test_a_header_that_the_policy_adds_is_shown_with_the_value_that_adds_it(
    make_app: MakeApp,
) -> None:
    page = make_app(HEADER_CHANGES={"X-Added": "1"}).test_client().get("/").text
    assert ("x-added", "HEADER_CHANGES") in protections(page)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"disposition": "enforce", "connection": ""}, "(not named) on / , 1 time"),
        (
            {"disposition": "report", "connection": "https://shop.example/x"},
            "https://shop.example on / , 1 time, only reported",
        ),
    ],
)
def test_the_start_page_says_what_browsers_reported(
    client: FlaskClient, body: dict[str, str], shown: str
) -> None:
    report = {"type": "connection-allowlist", "url": "http://localhost/", "body": body}
    client.post("/csp-reports", json=[report])
    words = re.sub(r"<[^>]*>|\s", " ", client.get("/").text).split()
    assert f"connection-allowlist {shown}" in " ".join(words)


def test_a_write_may_answer_with_a_page(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule(
        "/_write", methods=["POST"], view_func=public(lambda: render_template("index.html"))
    )
    client = app.test_client()
    log_in(client)
    assert client.post("/_write", headers=OWN).status_code == 200


def test_the_list_of_tasks_says_once_what_was_done(client: FlaskClient) -> None:
    log_in_by_form(client)
    post(client, "/tasks/new", title="<b>Owls</b>")
    shown = client.get("/tasks").text
    assert re.search(r'role="status">Added: &lt;b&gt;Owls&lt;/b&gt;<', shown)
    assert not Elements(shown).of("b")
    assert "Added" not in client.get("/tasks").text


def seed(app: Flask) -> str:
    """Run `flask seed` where there is no user; what it says."""
    with stored_user(app) as user:
        db.session.delete(user)
    return app.test_cli_runner().invoke(args=["seed"]).output


def test_each_seed_has_another_password_and_without_tables_it_says_what_to_do(
    make_app: MakeApp,
) -> None:
    shown = [re.findall(r"with password (\S+)", seed(make_app())) for _ in range(2)]
    assert [len(found) for found in shown] == [2, 2]
    assert {*shown[0]}.isdisjoint(shown[1])
    app = make_app()
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    assert "flask db upgrade`" in app.test_cli_runner().invoke(args=["seed"]).output


def test_a_seed_needs_no_column_of_the_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(User, "email")
    assert len(re.findall(r"with password (\S+)", seed(app))) == 2
