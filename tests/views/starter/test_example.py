"""What the example shows beyond its own tests in the project, which the renders run."""

import re

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient
from secure_flask import Model, db, public
from secure_flask.csp_levels import NONE, PARANOID

from app.models import User
from views import PROJECT
from views.conftest import OWN, PRODUCTION, MakeApp, log_in, stored_user

# What policy.py holds, and the header that changes with it.
SET_BY: list[tuple[str, object, str]] = [
    ("CSP", {"default-src": [NONE], "frame-ancestors": [NONE]}, "Content-Security-Policy"),
    ("CSP_CANDIDATE", {"img-src": [NONE]}, "Content-Security-Policy-Report-Only"),
    ("LINKS", [], "Connection-Allowlist"),
    ("CSP_CANDIDATE", PARANOID, "Connection-Allowlist-Report-Only"),
    ("CSP_CANDIDATE", PARANOID, "Integrity-Policy-Report-Only"),
    ("FRAME_ANCESTORS", ["https://partner.example.org"], "X-Frame-Options"),
    ("HEADER_CHANGES", {"X-Added": "1"}, "X-Added"),
]
REPORTS = [
    {"disposition": "enforce", "connection": ""},
    {"disposition": "report", "connection": "https://shop.example/x"},
]


def protections(page: str) -> list[tuple[str, str]]:
    """Each header that the start page explains, in small letters, and what sets it."""
    row = r'data-header="([^"]+)".*?Set by <code>([^<]+)</code>'
    return re.findall(row, page, re.DOTALL)


def test_a_header_is_set_by_what_the_page_names(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    usual = {**PRODUCTION, "FRAME_ANCESTORS": [NONE]}
    before = make_app(**usual).test_client().get("/")
    for name, value, header in SET_BY:
        with subtests.test(name=name, value=value, header=header):
            after = make_app(**{**usual, name: value}).test_client().get("/")
            assert (header.lower(), name) in protections(after.text)
            sent = [
                re.sub("nonce-[^']*", "", each.headers.get(header, "")) for each in (before, after)
            ]
            assert sent[0] != sent[1]
    shown = protections(before.text)
    files = {header: (PROJECT / file).read_text("utf-8") for header, file in shown if "/" in file}
    assert files
    assert [header for header, text in files.items() if header not in text.lower()] == []


def test_the_start_page_says_what_browsers_reported(client: FlaskClient) -> None:
    sent = [
        {"type": "connection-allowlist", "url": "http://localhost/", "body": body}
        for body in REPORTS
    ]
    client.post("/csp-reports", json=sent)
    words = " ".join(re.sub(r"<[^>]*>|\s", " ", client.get("/").text).split())
    assert "connection-allowlist (not named) on / , 1 time" in words
    assert "connection-allowlist https://shop.example on / , 1 time, only reported" in words


def test_a_write_may_answer_with_a_page(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule(
        "/_write", methods=["POST"], view_func=public(lambda: render_template("index.html"))
    )
    client = app.test_client()
    log_in(client)
    assert client.post("/_write", headers=OWN).status_code == 200


def seed(app: Flask) -> str:
    """Run `flask seed` where there is no user; what it says."""
    with stored_user(app) as user:
        db.session.delete(user)
    return app.test_cli_runner().invoke(args=["seed"]).output


def test_each_seed_has_another_password_and_without_tables_it_says_what_to_do(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, other = make_app(), make_app()
    first = re.findall(r"with password (\S+)", seed(app))
    # It needs no column of the address.
    monkeypatch.delattr(User, "email")
    second = re.findall(r"with password (\S+)", seed(other))
    assert (len(first), len(second), len({*first, *second})) == (2, 2, 4)
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    assert "flask db upgrade`" in app.test_cli_runner().invoke(args=["seed"]).output
