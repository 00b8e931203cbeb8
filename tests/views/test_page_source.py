"""What the templates, scripts and pages of the render promise, and what is served at all."""

import re
from collections.abc import Iterator
from itertools import product

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from core import routes
from tests.conftest import stored_rows
from tests.page_elements import Elements
from views import PROJECT
from views.conftest import Create, apps_made_by, every_token_type, log_in

APP = PROJECT / "app"

# What a script or a template must not do, and why.
IN_SCRIPTS = {
    r"\.(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\(|new Function":
        "makes markup or code of a text",
    r"""(?<![\w.])onmessage\s*=|window\.onmessage|addEventListener\(\s*["'`]message""":
        "takes messages of other windows",
    r"""onpaste|addEventListener\(\s*["'`]paste""":
        "handles pasting, so that a password manager may not fill in a password",
    r"\|\s*safe\b|autoescape\s+false|Markup\(": "shows text as markup",
}  # fmt: skip
ADDRESSES = ("src", "href", "action", "formaction")

STATIC = APP / "static"


def sources(*endings: str) -> Iterator[tuple[str, str]]:
    """The name and text of each file of app/ with such an ending."""
    for file in sorted(APP.rglob("*")):
        if file.name.endswith(endings):
            yield file.relative_to(APP).as_posix(), file.read_text("utf-8")


def paths(app: Flask) -> set[str]:
    return {route.path for route in testing.routes(app)}


@pytest.fixture(scope="module")
def shown(create_site: Create) -> list[tuple[str, str]]:
    """The address and text of each page that strangers or users open."""
    with apps_made_by(create_site, TOKEN_TYPE="session") as make_app:
        client = make_app().test_client()
        stranger = client.application.test_client()
        log_in(client)
        both = product(paths(client.application), (stranger, client))
        answers = [(path, who.get(path)) for path, who in both]
    return [
        (path, answer.text)
        for path, answer in answers
        if answer.mimetype == "text/html" and answer.status_code == 200
    ]


@pytest.mark.asvs("3.2.2", "3.5.5", "6.2.7")
def test_scripts_make_no_markup_and_trust_no_other_window() -> None:
    found = [
        f"app/{name} {finding}"
        for name, text in sources(".js", ".html", ".py")
        for pattern, finding in IN_SCRIPTS.items()
        if re.search(pattern, text)
    ]
    assert found == []


def test_no_page_takes_a_changed_script_or_style(shown: list[tuple[str, str]]) -> None:
    assert {"/", "/login", "/account", "/tasks", "/tasks/new", "/reauthenticate"} <= {
        path for path, _ in shown
    }
    elements = [(path, *found) for path, text in shown for found in Elements(text).found]
    unprotected = [
        (path, element)
        for path, tag, element in elements
        if tag == "script" or (tag == "link" and "stylesheet" in element["rel"])
        if not element.get("integrity", "").startswith("sha384-")
    ]
    assert unprotected == []


@pytest.mark.asvs("6.2.6", "6.2.7")
def test_a_password_is_masked_and_managers_may_fill_it_in(shown: list[tuple[str, str]]) -> None:
    fields = [field for _, text in shown for field in Elements(text).of("input")]
    passwords = [field for field in fields if "password" in field.get("name", "")]
    assert {field["name"] for field in passwords} == {
        *("password", "current_password", "new_password"),
    }
    known = {"current-password", "new-password"}
    assert [field for field in passwords if field["type"] != "password"] == []
    assert [field for field in passwords if field["autocomplete"] not in known] == []
    assert [field for field in passwords if {"readonly", "disabled"} & field.keys()] == []
    assert [field for field in passwords if field["value"]] == []
    pages = [Elements(text) for _, text in shown]
    # Beside each is a button that shows it.
    assert [sum("data-show" in each for each in page.of("button")) for page in pages] == [
        sum(each.get("type") == "password" for each in page.of("input")) for page in pages
    ]


@pytest.mark.asvs("7.4.4")
def test_each_page_of_a_user_logs_out(shown: list[tuple[str, str]]) -> None:
    users = [(path, Elements(text)) for path, text in shown if 'href="/tasks"' in text]
    assert len(users) >= 5
    actions = {path: [form.get("action") for form in page.of("form")] for path, page in users}
    assert [path for path in actions if routes.LOGOUT not in actions[path]] == []


@pytest.mark.asvs("3.6.1", "14.2.3")
def test_pages_use_no_other_site(shown: list[tuple[str, str]]) -> None:
    addresses = [
        (name, address)
        for name, text in (*sources(".html"), *shown)
        for _, element in Elements(text).found
        for address in filter(None, map(element.get, ADDRESSES))
    ]
    other_site = re.compile(r"(?:[\w+.-]+:)?//|(?!data:text/plain)\w+:")
    assert [found for found in addresses if other_site.match(found[1])] == []


@pytest.mark.asvs("13.4.1", "13.4.3")
def test_no_folder_is_listed_and_no_file_of_version_control_is_served(client: FlaskClient) -> None:
    folders = [folder for folder in STATIC.rglob("*") if folder.is_dir()]
    within = [f"/static/{folder.relative_to(STATIC).as_posix()}" for folder in folders]
    addresses = [f"{path}{end}" for path in ("/static", *within) for end in ("", "/", "/.")]
    addresses += ["/.git/HEAD", "/.svn/entries", "/.hg/store", "/.env", "/static/.git/HEAD"]
    assert {
        address: client.get(address, follow_redirects=True).status_code for address in addresses
    } == dict.fromkeys(addresses, 404)


@pytest.mark.asvs("13.4.5")
@every_token_type
def test_the_app_and_the_core_alone_open_addresses(app: Flask) -> None:
    public_routes = [route for route in testing.routes(app) if route.public]
    modules = {app.view_functions[route.endpoint].__module__ for route in public_routes}
    assert [each for each in modules if not each.startswith(("app.", "secure_flask."))] == []


@pytest.mark.asvs("3.5.3")
def test_reading_changes_nothing(app: Flask, client: FlaskClient) -> None:
    log_in(client)
    before = stored_rows(app)
    for path, method in product(paths(app), ("GET", "HEAD", "OPTIONS")):
        client.open(path, method=method)
    assert stored_rows(app) == before


@pytest.mark.asvs("13.4.4")
def test_no_request_is_sent_back(app: Flask, client: FlaskClient) -> None:
    sent = {"X-Secret": "kept"}
    answers = {path: client.open(path, method="TRACE", headers=sent).text for path in paths(app)}
    assert [path for path, text in answers.items() if "kept" in text] == []
