"""By which names this app answers, what proxies may say, https, and which paths are read."""

import logging
import re
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.settings.types import LOOPBACK_NAMES
from secure_flask.web.hosts import probe
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import create_environ, run_wsgi_app

from core.conftest import Lines, MakeApp, Wait

SITE = "www.example.org"
HTTP, HTTPS = f"http://{SITE}", f"https://{SITE}"
PRODUCTION = {"app_env": "production", "trusted_hosts": [SITE]}
PATH, PROBE = "/_test/who", "/_test/probe"
HSTS = "Strict-Transport-Security"


def with_views(app: Flask) -> FlaskClient:
    """A client of the app with a view that says by which scheme and client it was called, and a probe."""

    @app.get(PATH)
    @public
    def who() -> str:
        return f"{request.scheme} {request.remote_addr}"

    app.add_url_rule(PROBE, view_func=public(probe(lambda: "alive")))
    return app.test_client()


@pytest.fixture(scope="module")
def client(make_app: MakeApp) -> FlaskClient:
    """A client of the app in development."""
    return with_views(make_app(trusted_hosts=LOOPBACK_NAMES))


@pytest.fixture(scope="module")
def site(make_app: MakeApp) -> FlaskClient:
    """A client of https://www.example.org, in production."""
    return with_views(make_app(**PRODUCTION))


def test_development_answers_to_loopback_names_over_plain_http(client: FlaskClient) -> None:
    hosts = ("localhost", "LOCALHOST:8000", "127.0.0.1:5000", "[::1]:8000")
    answers = {host: client.get(PATH, headers={"Host": host}) for host in hosts}
    got = {host: (each.status_code, HSTS in each.headers) for host, each in answers.items()}
    assert got == dict.fromkeys(hosts, (200, False))


FORGED = """
evil.example localhost.evil.example evil.example:80 localhost:80@evil.example
localhost/evil.example localhost,evil.example sub.localhost localhost. [::1 \u00e9
"""


def test_a_forged_host_is_refused_by_a_page_without_a_link(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for host in (*FORGED.split(), ""):
        for path in (PATH, "/nowhere", f"/{PATH}"):
            with subtests.test(host=host, path=path):
                headers = {"Host": host, "Accept": "text/html"}
                answer = client.get(headers=headers, environ_overrides={"PATH_INFO": path})
                assert (answer.status_code, answer.mimetype) == (400, "text/html"), (host, path)
                assert "evil" not in f"{answer.headers} {answer.text}"
                # A relative one leads to that host too.
                assert not re.search(r"\b(href|src|action)=", answer.text)


def test_development_alone_says_where_the_names_of_the_app_are_listed(
    client: FlaskClient, site: FlaskClient, caplog: pytest.LogCaptureFixture, lines: Lines
) -> None:
    sent: dict[str, Any] = {"base_url": HTTPS, "headers": {"Host": "192.168.1.5:8000"}}
    as_page = {**sent, "headers": {**sent["headers"], "Accept": "text/html"}}
    lines()
    answer, page = site.get(PATH, **sent), site.get(PATH, **as_page)
    assert answer.json == {"error": "Unknown host"}
    assert "TRUSTED_HOSTS" not in page.text
    assert lines() == []
    answer, page = client.get(PATH, **sent), client.get(PATH, **as_page)
    assert (answer.status_code, page.status_code) == (400, 400)
    said = {"hint": answer.get_json()["hint"], "page": page.text, "log": caplog.text}
    assert [where for where, text in said.items() if "TRUSTED_HOSTS" not in text] == []


def test_a_request_without_a_host_or_with_a_port_that_no_url_has_is_refused(
    client: FlaskClient,
) -> None:
    # The client cannot send these, since it reads the URL for its cookies.
    unnamed = create_environ(PATH)
    ports = [unnamed | {"HTTP_HOST": f"localhost:{port}"} for port in (65536, 99999)]
    del unnamed["HTTP_HOST"]
    statuses = [run_wsgi_app(client.application, sent)[1] for sent in (unnamed, *ports)]
    assert [status[:4] for status in statuses] == ["400 "] * 3


def test_probes_come_by_any_name_over_plain_http(
    site: FlaskClient, subtests: pytest.Subtests
) -> None:
    for host in ("10.0.0.7:8000", "my_service", "[::1"):
        with subtests.test(host=host):
            assert site.get(PROBE, base_url=HTTP, headers={"Host": host}).text == "alive", host


def redirected_to(client: FlaskClient, path: str = PATH, **headers: str) -> str:
    """Where a request over plain http is sent."""
    answer = client.get(path, base_url=HTTP, headers=headers)
    assert (answer.status_code, HSTS in answer.headers) == (308, False)
    return answer.headers["Location"]


def test_reading_over_http_is_sent_to_https(site: FlaskClient) -> None:
    paths = ("/", "/a?b=c&d=%20", "/%C3%A9", "/%0D%0AX:1")
    assert [redirected_to(site, path) for path in paths] == [f"{HTTPS}{path}" for path in paths]
    # This port is none of https.
    assert redirected_to(site, Host=f"{SITE}:8080") == f"{HTTPS}{PATH}"


@pytest.mark.asvs("3.7.2")
def test_a_forged_host_is_redirected_nowhere(site: FlaskClient) -> None:
    odd_ports = [f"{SITE}:{port}" for port in ("0", "00080", "8O", "")]
    hosts = ("evil.example", f"{SITE}@evil.example", "", *odd_ports)
    answers = {host: site.get(PATH, base_url=HTTP, headers={"Host": host}) for host in hosts}
    got = {host: (each.status_code, "Location" in each.headers) for host, each in answers.items()}
    assert got == dict.fromkeys(hosts, (400, False))


@pytest.mark.asvs("3.7.2")
def test_a_path_that_looks_like_a_host_stays_here(
    site: FlaskClient, subtests: pytest.Subtests
) -> None:
    for path in ("//evil.example/", "/\\evil.example/", "@evil.example/"):
        # A mount moves the beginning of the path.
        for sent in ({"PATH_INFO": path}, {"SCRIPT_NAME": path.rstrip("/"), "PATH_INFO": "/"}):
            with subtests.test(path=path, sent=sent):
                answer = site.get("/", base_url=HTTP, environ_overrides=sent)
                assert answer.headers.get("Location", f"{HTTPS}/").startswith(f"{HTTPS}/"), sent


@pytest.mark.asvs("4.1.2")
def test_writing_over_http_is_refused_and_not_redirected(
    site: FlaskClient, subtests: pytest.Subtests
) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "ODD"):
        with subtests.test(method=method):
            answer = site.open(PATH, method=method, base_url=HTTP)
            assert (answer.status_code, "Location" in answer.headers) == (403, False), method


@pytest.mark.asvs("3.4.1")
def test_https_is_remembered_by_every_answer(site: FlaskClient) -> None:
    two_years = "max-age=63072000; includeSubDomains"
    expected = {PATH: (200, two_years), PROBE: (200, two_years), "/_test/nowhere": (404, two_years)}
    answers = {path: site.get(path, base_url=HTTPS) for path in expected}
    assert expected == {path: (a.status_code, a.headers[HSTS]) for path, a in answers.items()}
    assert site.get(PATH, base_url="https://localhost").status_code == 400


@pytest.mark.asvs("4.1.3")
def test_a_client_changes_neither_host_nor_scheme(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    forged = {
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "host=evil.example;proto=https",
        "X-Forwarded-Ssl": "on",
    }
    by_hops = {0: ["", "https"], 1: ["", "HTTPS", "//[", "https://[", "?", "ftp"]}
    for hops, schemes in by_hops.items():
        with subtests.test(hops=hops, schemes=schemes):
            client = make_app(**PRODUCTION, proxy_hops=hops).test_client()
            for scheme in schemes:
                sent = {**forged, "X-Forwarded-Proto": scheme}
                assert redirected_to(client, "/a%20b?c=d", **sent) == f"{HTTPS}/a%20b?c=d"


# What happens, the hops that count, X-Forwarded-For and -Proto, and what the app believes.
FORWARDED = [
    ("no proxy", 0, "1.1.1.1", "https", "http 127.0.0.1"),
    ("one", 1, "1.1.1.1", "https", "https 1.1.1.1"),
    ("one, the client forged another", 1, "6.6.6.6, 1.1.1.1", "", "http 1.1.1.1"),
    ("two, the client forged a third", 2, "6.6.6.6, 1.1.1.1, 2.2.2.2", "", "http 1.1.1.1"),
    ("two, the nearer sets the scheme", 2, "1.1.1.1, 2.2.2.2", "https", "https 1.1.1.1"),
    ("two, but only one spoke", 2, "6.6.6.6", "", "http 127.0.0.1"),
    ("one, the client left a quote open", 1, '"6.6.6.6, 1.1.1.1', "", "http 1.1.1.1"),
    ("two, the client left a quote open", 2, '", 1.1.1.1, 2.2.2.2', "", "http 1.1.1.1"),
    ("one, the client forged https", 1, "", "https, http", "http 127.0.0.1"),
    ("one that is silent", 1, "", "", "http 127.0.0.1"),
]


@pytest.mark.asvs("4.1.3", "15.3.4")
def test_forwarded_headers_count_by_hops(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    clients = [with_views(make_app(proxy_hops=hops)) for hops in range(3)]
    for case, hops, address, scheme, believed in FORWARDED:
        with subtests.test(case=case, hops=hops, address=address, scheme=scheme, believed=believed):
            sent = {"X-Forwarded-For": address, "X-Forwarded-Proto": scheme}
            headers = {name: value for name, value in sent.items() if value}
            assert clients[hops].get(PATH, headers=headers).text == believed, case


def test_ignored_proxies_are_logged_unless_the_owners_middleware_has_read_them(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    forwarded = {"X-Forwarded-For": "1.1.1.1"}
    client = with_views(make_app())
    client.application.wsgi_app = ProxyFix(client.application.wsgi_app)  # type: ignore[method-assign]
    assert client.get(PATH, headers=forwarded).text == "http 1.1.1.1"
    assert caplog.records == []
    client = with_views(make_app())
    for _ in range(3):
        client.get(PATH, headers=forwarded)
    [line] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "PROXY_HOPS" in line.getMessage()
    assert "1.1.1.1" not in line.getMessage()


def test_a_request_with_fewer_addresses_than_hops_is_logged_once_an_hour(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, wait: Wait
) -> None:
    client = with_views(make_app(**PRODUCTION, proxy_hops=2))

    def warned(path: str, *addresses: str) -> list[str]:
        caplog.clear()
        client.get(path, headers=[("X-Forwarded-For", each) for each in addresses])
        return [line.getMessage() for line in caplog.records]

    assert warned(PATH, "6.6.6.6, 1.1.1.1", "2.2.2.2") == []
    assert warned(PROBE) == []
    [line] = warned(PATH, "1.1.1.1")
    assert "fewer addresses than PROXY_HOPS (1 of 2)" in line
    assert "1.1.1.1" not in line
    wait(60 * 60 - 1)
    assert warned(PATH) == []
    wait(1)
    assert len(warned(PATH)) == 1


def test_an_ambiguous_path_is_404(make_app: MakeApp) -> None:
    app = make_app(TESTING=False)
    app.add_url_rule("/_t", view_func=public(lambda: ""))
    client = app.test_client()
    # A proxy in front that blocks `/_t` blocks none of these, which Werkzeug routes alike. `_t` is
    # sent as `/app_t` where `/app` is a mount.
    paths = [(path, "") for path in ("//_t", "///_t", "//x//_t", "/_t//", "*", "_t")]
    refused = dict.fromkeys([*paths, ("/_t", "//shop"), ("/_t", "shop")], 404)
    assert refused == {
        (path, root): client.get(
            "/", environ_overrides={"PATH_INFO": path, "SCRIPT_NAME": root}
        ).status_code
        for path, root in refused
    }
    assert client.get("/_t?a=//b").status_code == 200
