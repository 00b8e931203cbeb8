"""Which request targets reach a route: those that a proxy in front reads the same way."""

import pytest
from flask.testing import FlaskClient

# Each as it is sent, and the path that gunicorn or the development server makes of it.
OTHERS = [
    ("//healthz", "//healthz"),
    ("///healthz", "///healthz"),
    ("/%2fhealthz", "//healthz"),
    # The development server drops slashes before the app sees the path.
    ("//healthz", "/healthz"),
    ("healthz", "healthz"),
    ("/healthz#", "/healthz"),
    ("/healthz#/x", "/healthz"),
    ("?x", ""),
    ("*", "*"),
    ("http:/healthz", "/healthz"),
    ("http:///healthz", "/healthz"),
    ("http://?x", ""),
    ("http://localhost//healthz", "//healthz"),
    ("http://localhost/healthz#", "/healthz"),
    ("ftp://localhost/healthz", "/healthz"),
    ("x:/healthz", "/healthz"),
    # As behind a mount: `/app` is taken off `/apphealthz`.
    ("/apphealthz", "healthz"),
]


@pytest.mark.parametrize(("target", "path"), OTHERS)
def test_what_a_proxy_may_read_in_another_way_is_not_found(
    client: FlaskClient, target: str, path: str
) -> None:
    answer = client.get("/", environ_overrides={"RAW_URI": target, "PATH_INFO": path})
    assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})


@pytest.mark.parametrize(
    "target",
    ["/healthz", "/healthz?", "/healthz?a=//b", "http://localhost/healthz", "HTTP://LOCALHOST/?x"],
)
def test_a_path_or_a_whole_url_is_answered(client: FlaskClient, target: str) -> None:
    sent = {"RAW_URI": target, "PATH_INFO": "/healthz"}
    assert client.get("/", environ_overrides=sent).status_code == 200


def test_it_is_not_sent_to_https_either(production: FlaskClient) -> None:
    sent = {"RAW_URI": "//evil.example/", "PATH_INFO": "//evil.example/"}
    answer = production.get("/", base_url="http://localhost", environ_overrides=sent)
    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_a_server_that_does_not_hand_on_the_target_is_served(client: FlaskClient) -> None:
    for path, status in {"/healthz": 200, "//healthz": 404}.items():
        sent = {"RAW_URI": None, "PATH_INFO": path}
        assert client.get("/", environ_overrides=sent).status_code == status
