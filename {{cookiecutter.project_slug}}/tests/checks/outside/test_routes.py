"""Paths that a proxy answers by itself, and those that visitors must not see."""

import pytest
from werkzeug.wrappers import Response

from app.checks.outside.routes import PRIVATE
from tests.checks.outside.conftest import Ask, answering


def test_an_answer_that_is_not_the_apps_is_reported(ask: Ask) -> None:
    [message] = ask("outside.status", answering(Response(status=502), "/me"))
    assert message.startswith("GET /me is answered with 502, and with ")


@pytest.mark.parametrize("path", PRIVATE)
def test_what_is_meant_for_operators_is_reported_where_everybody_reads_it(
    path: str, ask: Ask
) -> None:
    assert ask("outside.private-path", answering(Response("data"), path)) == [
        f"Everybody can read {path}."
    ]
    assert ask("outside.private-path", answering(Response(status=401), path)) == []


def test_a_site_that_is_not_ready_is_reported(ask: Ask) -> None:
    for response, found in (
        (Response(status=503), ["GET /readyz is answered with 503."]),
        (Response('{"status":"degraded"}'), ["GET /readyz is answered with degraded."]),
        (Response(status=404), []),
    ):
        assert ask("outside.not-ready", answering(response, "/readyz")) == found
