"""Requests to the site reach what they name, and are not led elsewhere."""

from werkzeug.wrappers import Response

from tests.checks.outside.conftest import Ask, answering, close


def test_no_redirect_is_followed(ask: Ask) -> None:
    away = Response(status=302, headers={"Location": "https://www.other.test/"})
    [message] = ask("outside.status", answering(away, "/"))
    assert message.startswith("GET / is answered with 302, ")


def test_a_request_without_an_answer_is_reported_and_not_passed_over(ask: Ask) -> None:
    proxy = answering(close, "/.well-known/security.txt")
    [message] = ask("outside.security-txt", proxy)
    assert message.startswith("This could not be checked: GET https://")
    assert message.endswith(": the connection is closed without an answer.")
