"""By which names this app answers, what proxies may say, and that it insists on https."""

import logging
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from tests.conftest import MakeApp

SITE = "www.example.org"
HTTP, HTTPS = f"http://{SITE}", f"https://{SITE}"


@pytest.fixture(scope="module")
def site(make_app: MakeApp) -> FlaskClient:
    """A client of https://www.example.org, in production."""
    return make_app(app_env="production", trusted_hosts=[SITE]).test_client()


def behind(app: Flask) -> FlaskClient:
    """A client of an app that tells whom it believes to talk to, and how."""
    app.add_url_rule("/who", view_func=lambda: f"{request.scheme} {request.remote_addr}")
    return app.test_client()


def test_development_answers_to_loopback_names(client: FlaskClient) -> None:
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:5000", "[::1]:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200


FORGED = [
    "evil.example",
    "localhost.evil.example",
    "evil.example:80",
    "localhost:80@evil.example",
    "localhost/evil.example",
    "localhost, evil.example",
    "sub.localhost",
    "localhost.",
    "",
    "[::1",
    "\u00e9",
]


def test_a_forged_host_is_refused_without_an_echo(client: FlaskClient) -> None:
    answers = {host: client.get("/", headers={"Host": host}) for host in FORGED}
    got = {host: (answer.status_code, answer.text) for host, answer in answers.items()}
    assert got == dict.fromkeys(FORGED, (400, '{"error":"Unknown host"}\n'))


def test_a_request_that_names_no_host_is_refused(app: Flask) -> None:
    environ = create_environ("/")
    del environ["HTTP_HOST"]
    _, status, _ = run_wsgi_app(app, environ)
    assert status == "400 BAD REQUEST"


def ask(client: FlaskClient, target: str, **sent: Any) -> TestResponse:
    """Ask for `/` by a whole URL, as gunicorn hands it on: Host is sent apart from it."""
    return client.get("/", environ_overrides={"RAW_URI": target}, **sent)


@pytest.mark.parametrize(
    "target",
    ["http://localhost/", "HTTP://LOCALHOST:8000/", "http://localhost", "http://localhost?a=b"],
)
def test_a_whole_url_of_this_site_is_answered(client: FlaskClient, target: str) -> None:
    assert ask(client, target).status_code == 200


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("http://evil.example/", "localhost"),
        ("http://localhost/", "evil.example"),
        ("http://evil.example/", "evil.example"),
        ("http://127.0.0.1/", "localhost"),
        ("http://user@localhost/", "localhost"),
        ("http://localhost/", "user@localhost"),
        ("http://evil.example:80@localhost/", "localhost"),
        ("http://localhost:80@evil.example/", "localhost"),
        ("http://localhost:/", "localhost"),
        ("http://[::1/", "[::1]"),
        ("https://localhost/", "localhost"),
    ],
)
def test_a_whole_url_that_leads_elsewhere_is_refused(
    client: FlaskClient, target: str, host: str
) -> None:
    answer = ask(client, target, headers={"Host": host})
    assert (answer.status_code, answer.text) == (400, '{"error":"Unknown host"}\n')


def test_a_whole_url_has_the_scheme_that_the_proxy_tells(make_app: MakeApp) -> None:
    client = make_app(app_env="production", trusted_hosts=[SITE], proxy_hops=1).test_client()
    told = {"Host": SITE, "X-Forwarded-Proto": "https"}
    assert ask(client, f"{HTTPS}/", headers=told).status_code == 200
    assert ask(client, f"{HTTP}/", headers=told).status_code == 400


def test_probes_come_by_any_whole_url(site: FlaskClient) -> None:
    sent = {"RAW_URI": "http://10.0.0.7:8000/healthz"}
    answer = site.get("/healthz", base_url=HTTP, environ_overrides=sent)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_production_answers_to_its_names_alone(site: FlaskClient) -> None:
    assert site.get("/", base_url=HTTPS).status_code == 200
    assert site.get("/", base_url="https://localhost").status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_come_by_any_name_over_plain_http(site: FlaskClient, path: str) -> None:
    for host in ("10.0.0.7:8000", "my_service", "[::1"):
        answer = site.get(path, base_url=HTTP, headers={"Host": host})
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_reading_over_http_is_sent_to_https(site: FlaskClient) -> None:
    told = {
        "/": "/",
        "/a?b=c&d=%20": "/a?b=c&d=%20",
        "/\u00e9": "/%C3%A9",
        "/%0d%0aX:1": "/%0D%0AX:1",
    }
    for asked, path in told.items():
        answer = site.get(asked, base_url=HTTP)
        assert (answer.status_code, answer.headers["Location"]) == (308, HTTPS + path)


def test_the_way_to_https_has_no_port_of_http(site: FlaskClient) -> None:
    assert site.get("/", base_url=f"{HTTP}:8080").headers["Location"] == f"{HTTPS}/"


@pytest.mark.asvs("3.7.2")
def test_a_forged_host_is_redirected_nowhere(site: FlaskClient) -> None:
    odd_ports = [f"{SITE}:{port}" for port in ("0", "00080", "8O", "")]
    for host in ("evil.example", f"{SITE}@evil.example", "", *odd_ports):
        answer = site.get("/", base_url=HTTP, headers={"Host": host})
        assert answer.status_code == 400
        assert "Location" not in answer.headers


def test_a_port_that_is_none_leads_nowhere_else(site: FlaskClient) -> None:
    answer = site.get("/evil.example/", base_url=HTTP, headers={"Host": f"{SITE}:99999"})
    assert answer.headers["Location"].startswith(f"{HTTPS}/")


@pytest.mark.parametrize("hops", [0, 1])
def test_a_forwarded_host_changes_nothing(make_app: MakeApp, hops: int) -> None:
    app = make_app(app_env="production", trusted_hosts=[SITE], proxy_hops=hops)
    forged = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    answer = app.test_client().get("/", base_url=HTTP, headers=forged)
    assert answer.headers["Location"] == f"{HTTPS}/"


def test_a_forwarded_scheme_that_is_none_changes_nothing(make_app: MakeApp) -> None:
    client = make_app(app_env="production", trusted_hosts=[SITE], proxy_hops=1).test_client()
    for scheme in ("//[", "https://[", "?", "ftp"):
        forged = {"X-Forwarded-Proto": scheme}
        answer = client.get("/a%20b?c=d", base_url=HTTP, headers=forged)
        assert (answer.status_code, answer.headers["Location"]) == (308, f"{HTTPS}/a%20b?c=d")


@pytest.mark.asvs("3.7.2")
def test_a_path_that_looks_like_a_host_stays_here(site: FlaskClient) -> None:
    for path in ("//evil.example/", "/\\evil.example/", "@evil.example/"):
        answer = site.get("/", base_url=HTTP, environ_overrides={"PATH_INFO": path})
        assert answer.headers.get("Location", f"{HTTPS}/").startswith(f"{HTTPS}/")


def test_writing_over_http_is_refused_and_not_redirected(site: FlaskClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "ODD"):
        answer = site.open("/login", method=method, base_url=HTTP)
        assert (answer.status_code, answer.json) == (403, {"error": "Use https"})
        assert "Location" not in answer.headers


def test_development_works_over_plain_http(client: FlaskClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.asvs("3.4.1")
def test_https_is_remembered_by_every_answer(make_app: MakeApp) -> None:
    app = make_app(
        app_env="production", trusted_hosts=[SITE], STRICT_TRANSPORT_SECURITY="max-age=1"
    )
    for path in ("/", "/healthz", "/nowhere", "/static/page.css"):
        answer = app.test_client().get(path, base_url=HTTPS)
        assert answer.headers["Strict-Transport-Security"] == "max-age=1"


def test_plain_http_is_not(site: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in site.get("/", base_url=HTTP).headers


def test_a_client_cannot_claim_https(site: FlaskClient) -> None:
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "Forwarded": "proto=https"}
    answer = site.get("/", base_url=HTTP, headers=forged)
    assert answer.status_code == 308
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("hops", "sent", "believed"),
    [
        (0, {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "https"}, "http 127.0.0.1"),
        (1, {"X-Forwarded-For": "1.1.1.1", "X-Forwarded-Proto": "https"}, "https 1.1.1.1"),
        (1, {"X-Forwarded-For": "6.6.6.6, 1.1.1.1"}, "http 1.1.1.1"),
        (2, {"X-Forwarded-For": "6.6.6.6, 1.1.1.1, 2.2.2.2"}, "http 1.1.1.1"),
        (2, {"X-Forwarded-For": "1.1.1.1, 2.2.2.2", "X-Forwarded-Proto": "https"}, "https 1.1.1.1"),
        (2, {"X-Forwarded-For": "6.6.6.6"}, "http 127.0.0.1"),
        (1, {"X-Forwarded-For": '"6.6.6.6, 1.1.1.1'}, "http 1.1.1.1"),
        (2, {"X-Forwarded-For": '", 1.1.1.1, 2.2.2.2'}, "http 1.1.1.1"),
        (1, {"X-Forwarded-Proto": "https, http"}, "http 127.0.0.1"),
        (1, {}, "http 127.0.0.1"),
    ],
    ids=[
        "no proxy",
        "one",
        "one, the client forged another",
        "two, the client forged a third",
        "two, the nearer tells the scheme",
        "two, but only one spoke",
        "one, the client left a quote open",
        "two, the client left a quote open",
        "one, the client forged https",
        "one that is silent",
    ],
)
def test_forwarded_headers_count_as_many_hops_deep_as_told(
    make_app: MakeApp, hops: int, sent: dict[str, str], believed: str
) -> None:
    client = behind(make_app(proxy_hops=hops))
    assert client.get("/who", headers=sent).text == believed


def test_an_odd_scheme_from_a_proxy_is_plain_http(make_app: MakeApp) -> None:
    client = make_app(proxy_hops=1).test_client()
    for scheme in ("HTTPS", "gopher", ""):
        answer = client.get("/", headers={"X-Forwarded-Proto": scheme})
        assert answer.status_code == 200
        assert "Strict-Transport-Security" not in answer.headers


def test_ignored_proxies_are_told_of_in_one_line(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_app().test_client()
    for _ in range(3):
        client.get("/healthz", headers={"X-Forwarded-For": "1.1.1.1"})
    [line] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "PROXY_HOPS" in line.getMessage()
    assert "1.1.1.1" not in line.getMessage()
