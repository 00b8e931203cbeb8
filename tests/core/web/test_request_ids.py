"""`X-Request-ID`: in the answer and in its lines, and never a client's choice."""

import re

import pytest
from flask import Flask
from secure_flask.auth.access import public

from core.conftest import PRODUCTION, Lines, MakeApp

SENT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def id_for(app: Flask, sent: str = "", path: str = "/_test/nowhere") -> str:
    return app.test_client().get(path, headers={"X-Request-ID": sent}).headers["X-Request-ID"]


@pytest.fixture
def behind_proxy(make_app: MakeApp) -> Flask:
    return make_app(**PRODUCTION, proxy_hops=1)


def test_an_answer_and_its_lines_share_an_id_of_their_own(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    app.before_request(lambda: app.logger.warning("on the way"))

    @app.get("/_test/logs")
    @public
    def write_line() -> str:
        app.logger.warning("here")
        return ""

    ids = [id_for(app, path=path) for path in ("/_test/logs", "/_test/logs", "/_test/nowhere")]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    assert [line["request_id"] for line in lines()] == [ids[0], *ids[:2], *ids[1:]]


def test_only_a_trusted_proxy_sets_the_id(make_app: MakeApp, behind_proxy: Flask) -> None:
    assert id_for(make_app(**PRODUCTION), SENT) != SENT
    assert id_for(behind_proxy, SENT) == SENT


def test_an_odd_id_is_replaced_whoever_sends_it(behind_proxy: Flask) -> None:
    for odd in ("short", "x" * 15, "a" * 65, f"{SENT} ", f'{SENT[:-1]}"', "é" * 16):
        assert re.fullmatch("[0-9a-f]{32}", id_for(behind_proxy, odd))
