"""What a proxy does to the headers of the app."""

import pytest
from flask import Flask
from werkzeug.datastructures import Headers

from app.checks import responses
from tests.checks.outside.conftest import Proxy, Visit, with_headers

HSTS, CSP = "Strict-Transport-Security", "Content-Security-Policy"
MISSING, CHANGED = "outside.header-missing", "outside.header-changed"
DOUBLED, ADDED = "outside.header-doubled", "outside.header-added"
# Each is provoked below.
CHECKS = ["outside.header-missing", "outside.header-changed", "outside.header-doubled", ADDED]


@pytest.fixture(autouse=True)
def _a_page_and_json_that_vary(monkeypatch: pytest.MonkeyPatch, _clean: Flask) -> None:
    varying = with_headers(lambda headers: headers.set("Vary", "Accept"))
    monkeypatch.setattr(_clean, "wsgi_app", varying(_clean.wsgi_app))
    monkeypatch.setattr(responses, "paths", lambda: ["/", "/healthz"])


def found(visit: Visit, proxy: Proxy) -> dict[str, list[str]]:
    """The headers that each check names."""
    return {
        name: [message.partition(" of ")[0] for message in messages]
        for name, messages in visit(CHECKS, proxy).items()
    }


def test_a_header_that_the_proxy_removes_is_reported_with_its_paths(visit: Visit) -> None:
    [message] = visit([MISSING], with_headers(lambda headers: headers.remove(HSTS)))[MISSING]
    assert message.startswith(f"{HSTS} of every response ")
    page_only = with_headers(lambda headers: headers.pop("Reporting-Endpoints", None))
    [message] = visit([MISSING], page_only)[MISSING]
    assert message.startswith("Reporting-Endpoints of / ")


def test_what_the_proxy_does_to_a_header_is_reported_once(visit: Visit) -> None:
    for change, expected in (
        (lambda headers: headers.remove(HSTS), {MISSING: [HSTS]}),
        (lambda headers: headers.set(HSTS, "max-age=0"), {CHANGED: [HSTS]}),
        (lambda headers: headers.set(CSP, f"{headers[CSP]} https://x.test"), {CHANGED: [CSP]}),
        (lambda headers: headers.set("Vary", "Accept-Encoding"), {CHANGED: ["Vary"]}),
        (lambda headers: headers.add(HSTS, headers[HSTS]), {DOUBLED: [HSTS]}),
        (lambda headers: headers.add(HSTS, "max-age=0"), {DOUBLED: [HSTS]}),
        (lambda headers: headers.set("X-Cache", "HIT"), {ADDED: ["X-Cache"]}),
    ):
        assert found(visit, with_headers(change)) == expected


def test_what_a_proxy_needs_for_its_own_work_is_not_reported(visit: Visit) -> None:
    def compress(headers: Headers) -> None:
        headers["Vary"] = "accept, Accept-Encoding"
        headers["Alt-Svc"] = 'h3=":443"'
        headers["X-Request-ID"] = "one of the proxy's own"

    assert found(visit, with_headers(compress)) == {}
