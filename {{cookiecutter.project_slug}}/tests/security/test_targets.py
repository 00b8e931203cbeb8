"""Which request targets reach a route: those that a proxy in front reads the same way."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp

# The path that gunicorn or the development server makes of what was sent.
SENT = {
    "//_test": "//_test /%2f_test http://localhost//_test",
    "///_test": "///_test",
    # The development server drops slashes before the app sees the path.
    "/_test": "//_test http:/_test http:///_test ftp://localhost/_test x:/_test /_test# /_test#/x",
    # As behind a mount: `/app` is taken off `/app_test`.
    "_test": "_test /app_test",
    "": "?x http://?x",
    "*": "*",
}


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.add_url_rule("/_test", view_func=lambda: "")
    return app


def status(client: FlaskClient, target: str | None, path: str) -> int:
    sent = {"RAW_URI": target, "PATH_INFO": path}
    return client.get("/", environ_overrides=sent).status_code


def test_an_ambiguous_target_is_404(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for path, targets in SENT.items():
        for target in targets.split():
            with subtests.test(f"{target} as {path}"):
                assert status(client, target, path) == 404


def test_a_path_or_a_whole_url_is_answered(client: FlaskClient) -> None:
    for target in ("/_test", "/_test?a=//b", "http://localhost/_test", "HTTP://LOCALHOST/?x"):
        assert status(client, target, "/_test") == 200


def test_a_server_that_does_not_hand_on_the_target_is_served(client: FlaskClient) -> None:
    assert (status(client, None, "/_test"), status(client, None, "//_test")) == (200, 404)
