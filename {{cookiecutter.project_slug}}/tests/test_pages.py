"""The starter page, as a browser takes it apart."""

import re
from html.parser import HTMLParser

import pytest
from flask import render_template
from flask.testing import FlaskClient

from tests.conftest import MakeApp, log_in

NAME = """<b>"Ada's" & more</b>"""


class Elements(HTMLParser):
    """Every element of a page, with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


def test_a_browser_gets_a_page(client: FlaskClient) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")


def test_every_script_runs_under_the_policy(client: FlaskClient) -> None:
    answer = client.get("/")
    nonce = re.findall(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])[0]
    scripts = Elements(answer.text).of("script")
    assert scripts
    assert {script.get("nonce") for script in scripts} == {nonce}


@pytest.mark.asvs("3.6.1")
def test_every_script_and_style_is_checked_on_arrival(client: FlaskClient) -> None:
    page = Elements(client.get("/").text)
    styles = [link for link in page.of("link") if link["rel"] == "stylesheet"]
    for element in page.of("script") + styles:
        assert (element["integrity"] or "").startswith("sha384-")


def test_every_file_it_names_is_there_for_good(client: FlaskClient) -> None:
    page = Elements(client.get("/").text)
    addresses = [element.get("src") or element.get("href") for _, element in page.found]
    files = [address for address in addresses if address and address.startswith("/static/")]
    assert len(files) >= 3
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_nothing_in_it_needs_a_weaker_policy(client: FlaskClient) -> None:
    attributes = [name for _, element in Elements(client.get("/").text).found for name in element]
    assert not [name for name in attributes if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("name", ["PROJECT_NAME", "DESCRIPTION"])
def test_text_from_the_answers_stays_text(make_app: MakeApp, name: str) -> None:
    page = make_app(**{name: NAME}).test_client().get("/").text
    assert not Elements(page).of("b")
    assert "&lt;b&gt;" in page


@pytest.mark.asvs("14.3.2")
def test_no_cache_keeps_it(client: FlaskClient) -> None:
    assert "no-store" in client.get("/").headers["Cache-Control"]


def test_a_write_may_answer_with_a_page(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/_write", methods=["POST"], view_func=lambda: render_template("index.html"))
    client = app.test_client()
    log_in(client)
    assert client.post("/_write").status_code == 200
