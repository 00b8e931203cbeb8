"""What the starter page and its script promise, read off what is sent to browsers."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.test_pages import Elements

# Whatever makes markup of a text, or code.
SINKS = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
STORES = ["localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches."]


@pytest.fixture
def page(client: FlaskClient) -> Elements:
    return Elements(client.get("/").text)


@pytest.fixture
def script(client: FlaskClient) -> str:
    return client.get("/static/page.js").text


@pytest.mark.asvs("3.2.2")
def test_its_script_makes_no_markup_of_texts(script: str) -> None:
    assert "textContent" in script
    assert [sink for sink in SINKS if sink in script] == []


@pytest.mark.asvs("14.3.3")
def test_its_script_stores_nothing(script: str) -> None:
    assert [store for store in STORES if store in script] == []


@pytest.mark.asvs("3.5.5")
def test_its_script_takes_no_messages_of_other_windows(script: str) -> None:
    assert not re.search(r"""["'`]message["'`]|onmessage""", script)


@pytest.mark.asvs("6.2.6", "6.2.7")
def test_a_password_is_masked_and_managers_may_fill_it_in(page: Elements, script: str) -> None:
    [field] = [field for field in page.of("input") if field.get("name") == "password"]
    assert (field["type"], field["autocomplete"]) == ("password", "current-password")
    assert not {"readonly", "disabled", "onpaste"} & field.keys()
    assert "paste" not in script


@pytest.mark.asvs("7.4.4")
def test_there_is_a_way_out(page: Elements) -> None:
    assert "logout" in [button.get("id") for button in page.of("button")]


@pytest.mark.asvs("14.2.3")
def test_it_names_no_site_but_its_own(app: Flask, page: Elements) -> None:
    addresses = [
        element[name]
        for _, element in page.found
        for name in ("src", "href", "action")
        if name in element
    ]
    listed = tuple(f"{origin}/" for origin in app.config["CSP_SOURCES"])
    assert addresses
    for address in map(str, addresses):
        assert re.match(r"#|/(?!/)", address) or address.startswith(listed)


@pytest.mark.asvs("3.7.1")
def test_it_needs_no_plug_in(page: Elements) -> None:
    assert {tag for tag, _ in page.found}.isdisjoint({"object", "embed", "applet"})
