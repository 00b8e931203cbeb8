"""`flask user list`, as a person and a script read it."""

import pytest
from click.testing import Result
from flask import Flask
from secure_flask.auth import users

from core.conftest import PASSWORD, USERNAME, Wait, log_in

NEW, OTHER = "grace", "bob"


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["user", *arguments])


def test_the_list_shows_live_logins_and_who_is_disabled(
    app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_IDLE", 600)
    with app.app_context():
        users.create_user(OTHER, PASSWORD)
    log_in(app.test_client())
    wait(600)
    log_in(app.test_client())
    run(app, "create", NEW)
    run(app, "disable", OTHER)
    rows = [line.split("\t") for line in run(app, "list").output.splitlines()]
    shown = [row[:2] for row in rows]
    assert shown == [
        ["NAME", "LOGINS"],
        [USERNAME, "1"],
        [OTHER, "disabled"],
        [NEW, "0"],
    ]
    assert {len(row) for row in rows} == {len(rows[0])}
