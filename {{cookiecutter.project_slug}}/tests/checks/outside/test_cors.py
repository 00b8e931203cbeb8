"""What a proxy lets pages of other sites read."""

import pytest
from werkzeug.wrappers import Request, Response

from tests.checks.outside.conftest import Ask, Proxy, with_headers


def granting(origin: str) -> Proxy:
    return with_headers(lambda headers: headers.set("Access-Control-Allow-Origin", origin))


@pytest.mark.parametrize("origin", ["*", "null", "https://asked-by-flask-check.invalid"])
def test_a_proxy_that_grants_strangers_is_reported(origin: str, ask: Ask) -> None:
    assert len(ask("outside.cors", granting(origin))) >= 1


def test_a_proxy_that_answers_preflights_for_everybody_is_reported(ask: Ask) -> None:
    @Request.application
    def preflight(request: Request) -> Response:
        return Response(headers={"Access-Control-Allow-Origin": request.headers["Origin"]})

    found = ask(
        "outside.cors",
        lambda app: (
            lambda environ, start: (preflight if environ["REQUEST_METHOD"] == "OPTIONS" else app)(
                environ, start
            )
        ),
    )
    assert len(found) >= 1


def test_an_origin_that_is_known_is_not_reported(ask: Ask) -> None:
    assert ask("outside.cors", granting("https://app.safe.test")) == []
