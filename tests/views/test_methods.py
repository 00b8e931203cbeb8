"""What a method may do and what is served at all: nothing is changed or shown by merely asking."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from secure_flask import Model, db
from secure_flask.auth.access import is_public
from secure_flask.web.view_options import options_of
from sqlalchemy import select

from core.routes import ME
from views import PROJECT
from views.conftest import LOGIN, every_token_type, paths

STATIC = PROJECT / "app" / "static"
HIDDEN = [".git/HEAD", ".git/config", ".svn/entries", ".hg/store", ".env", "static/.git/HEAD"]
READMITTED = re.compile(r"^!.*(?:\.git|\.svn|\.hg|\.env|\*)", re.MULTILINE)


def stored(app: Flask) -> list[Any]:
    """All rows of all tables."""
    with app.app_context():
        tables = Model.metadata.sorted_tables
        return [sorted(map(str, db.session.execute(select(table)))) for table in tables]


@every_token_type
def test_reading_changes_nothing(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    before = stored(app)
    for path in paths(app):
        for method in ("GET", "HEAD", "OPTIONS"):
            client.open(path, method=method, headers=credentials, query_string=LOGIN)
        assert stored(app) == before, path
    assert client.get(ME, headers=credentials).status_code == 200


def test_no_request_is_sent_back(app: Flask, client: FlaskClient) -> None:
    for path in paths(app):
        answer = client.open(path, method="TRACE", headers={"X-Secret": "do-not-repeat-me"})
        assert (path, answer.status_code) in {(path, 405), (path, 404)}
        assert "do-not-repeat-me" not in answer.text


def test_no_folder_is_listed(client: FlaskClient) -> None:
    folders = [folder for folder in STATIC.rglob("*") if folder.is_dir()]
    within = [f"/static/{folder.relative_to(STATIC).as_posix()}" for folder in folders]
    for path in ("/static", *within):
        for address in (path, f"{path}/", f"{path}/."):
            answer = client.get(address, follow_redirects=True)
            assert (address, answer.status_code) == (address, 404)


def test_no_file_of_version_control_is_served_or_built_in(client: FlaskClient) -> None:
    for path in HIDDEN:
        assert (path, client.get(f"/{path}").status_code) == (path, 404)
    lines = (PROJECT / ".dockerignore").read_text("utf-8")
    assert "*" in lines.splitlines()
    assert not READMITTED.search(lines)


@every_token_type
def test_the_app_and_the_core_alone_open_addresses(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        with app.test_request_context():
            opened = is_public(rule.endpoint, options_of(view, "GET"))
        assert not opened or view.__module__.startswith(("app.", "secure_flask.")), rule
