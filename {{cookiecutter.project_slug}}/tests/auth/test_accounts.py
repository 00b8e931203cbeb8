"""Accounts, as an auditor asks of them: who has one, how one gets in, and for how long."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.auth.users import User
from app.db import Model, db
from tests.conftest import LOGIN, MakeApp, Wait
from tests.test_app import paths

YEAR = 365 * 24 * 60 * 60  # seconds


@pytest.mark.asvs("6.3.2")
def test_a_new_database_has_no_user(make_app: MakeApp) -> None:
    app = make_app()
    run = app.test_cli_runner().invoke
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    assert run(args=["db", "upgrade"]).exit_code == 0
    with app.app_context():
        found = db.session.scalars(select(User)).all()
    # Other tests make their tables without migrations.
    assert run(args=["db", "downgrade", "base"]).exit_code == 0
    assert found == []


@pytest.mark.asvs("6.3.4")
def test_login_is_the_only_way_in(app: Flask, client: FlaskClient) -> None:
    ways = set()
    for path in paths(app):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = client.open(path, method=method, json=LOGIN)
            body = answer.get_json(silent=True)
            if "Set-Cookie" in answer.headers or (isinstance(body, dict) and "token" in body):
                ways.add((method, path))
            client.delete_cookie("dev-session")
    assert ways == {("POST", "/login")}


@pytest.mark.asvs("7.6.2")
def test_no_other_site_logs_a_browser_in(client: FlaskClient) -> None:
    for sent in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.post("/login", json=LOGIN, headers=sent)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
        assert "token" not in answer.get_json()


@pytest.mark.asvs("6.2.10")
def test_a_password_does_not_expire(client: FlaskClient, wait: Wait) -> None:
    wait(10 * YEAR)
    assert client.post("/login", json=LOGIN).status_code == 200


@pytest.mark.asvs("6.4.2")
def test_no_hint_and_no_question_is_kept_of_a_user() -> None:
    columns = [column.name for column in User.__table__.columns]
    assert "password_hash" in columns
    assert [name for name in columns if re.search("hint|question|answer", name)] == []
