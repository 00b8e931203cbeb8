"""The start page of app/pages.py and its templates, as a browser takes it apart."""

import json
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, testing
from sqlalchemy import delete

from app.models import User
from tests.conftest import BROWSER, NAME, PRODUCTION, MakeApp
from tests.page_elements import Elements

# What a response carries that protects nobody.
NO_PROTECTION = {"content-language", "content-length", "content-type", "vary"}

REPORT = {
    "csp-report": {
        "effective-directive": "img-src",
        "blocked-uri": "https://tiles.example/1.png?user=ada",
        "document-uri": "http://localhost/",
        "disposition": "enforce",
    }
}


def start(client: FlaskClient) -> str:
    """The start page."""
    return client.get(testing.path_of(client.application, "pages.index")).text


def report_violation(client: FlaskClient) -> str:
    """What the page shows after a browser has reported what it blocked."""
    client.post("/csp-reports", data=json.dumps(REPORT), content_type="application/csp-report")
    return start(client)


def test_its_files_are_protected_against_changes_and_cached_for_long(client: FlaskClient) -> None:
    page = Elements(start(client))
    styles = [each for each in page.of("link") if "sheet" in each["rel"]]
    files = {each.get("src") or each["href"]: each for each in page.of("script") + styles}
    assert [each for each in files.values() if "sha384-" not in each["integrity"]] == []
    responses = [client.get(file) for file in files]
    assert [each.status_code for each in responses] == [200] * len(files)
    kept = [each.headers["Cache-Control"] for each in responses]
    assert [each for each in kept if "immutable" not in each] == []


@pytest.mark.parametrize("name", ["PROJECT_NAME", "DESCRIPTION"])
def test_text_from_the_policy_stays_text(make_app: MakeApp, name: str) -> None:
    page = start(make_app(**{name: """<b>"Ada's" & more</b>"""}).test_client())
    assert not Elements(page).of("b")
    assert "&lt;b&gt;" in page


def test_developers_alone_see_what_browsers_blocked(
    client: FlaskClient, production: FlaskClient
) -> None:
    assert "<code>img-src</code> https://tiles.example on" in report_violation(client)
    assert "tiles.example" not in report_violation(production)


def test_it_explains_every_header_of_its_own_response(make_app: MakeApp) -> None:
    added = {"HEADER_CHANGES": {"X-Added": "1"}}
    response = make_app(**PRODUCTION, **added).test_client().get("/")
    explained = {*re.findall(r'data-header="([^"]+)"', response.text)}
    sent = {name.lower() for name, _ in response.headers}
    assert sent - NO_PROTECTION - explained == set()


def test_it_offers_a_login_or_names_the_user(client: FlaskClient, ada: FlaskClient) -> None:
    login = testing.path_of(client.application, client.application.config["LOGIN_PAGE"])
    assert login in [link["href"] for link in Elements(start(client)).of("a")]
    assert f"<bdi>{NAME}</bdi>" in start(ada)


def test_it_names_the_commands_that_add_people_only_while_there_are_none(
    app: Flask, client: FlaskClient
) -> None:
    assert "flask seed" not in start(client)
    with app.app_context():
        db.session.execute(delete(User))
        db.session.commit()
    assert "flask seed" in start(client)


def test_users_see_what_is_theirs_and_nothing_for_developers(
    client: FlaskClient, ada: FlaskClient
) -> None:
    form = testing.path_of(ada.application, "pages.new_task")
    ada.post(form, data={"title": "Feed the owls"}, headers=BROWSER)
    ada.post(form, data={"title": "Buy mice", "done": "y"}, headers=BROWSER)
    shown = [text in start(ada) for text in ("Feed the owls", "Buy mice", "For the developer")]
    assert shown == [True, False, False]
    assert "For the developer" in start(client)
