"""A security.txt that researchers do not get, or may not use."""

import pytest
from werkzeug.wrappers import Response

from app.checks.outside.security_txt import PATH
from tests.checks.outside.conftest import Ask, answering

CONTACT, LATER = "Contact: mailto:security@safe.test\n", "Expires: 2999-01-01T00:00:00Z\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CONTACT + LATER, None),
        (CONTACT + LATER.lower(), None),
        (LATER, "names no Contact"),
        (CONTACT, "is expired"),
        (CONTACT + "Expires: 2020-01-01T00:00:00Z\n", "is expired"),
        (CONTACT + "Expires: 2999-01-01\n", "is expired"),
        (CONTACT + "Expires: soon\n", "is expired"),
    ],
)
def test_one_that_says_too_little_is_reported(text: str, found: str | None, ask: Ask) -> None:
    messages = ask("outside.security-txt", answering(Response(text, mimetype="text/plain"), PATH))
    assert [found in message for message in messages if found] == ([True] if found else [])
    assert len(messages) == bool(found)


def test_one_that_the_proxy_keeps_for_itself_is_reported(ask: Ask) -> None:
    [message] = ask("outside.security-txt", answering(Response(status=404), PATH))
    assert "is answered with 404" in message
    [message] = ask("outside.security-txt", answering(Response("<p>", mimetype="text/html"), PATH))
    assert "is not text/plain" in message
