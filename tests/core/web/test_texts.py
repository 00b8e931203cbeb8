"""Messages in the owner's words of TEXTS."""

import pytest
from flask import Flask
from secure_flask.web.texts import translated_text

CLIENT = "{browser} on {system}"


def say(texts: dict[str, str], message: str, **values: str) -> str:
    app = Flask(__name__)
    app.config["TEXTS"] = texts
    with app.app_context():
        return translated_text(message, **values)


def test_a_message_has_the_owners_words() -> None:
    assert say({"Not allowed": "Nicht erlaubt"}, "Not allowed") == "Nicht erlaubt"


def test_a_message_that_the_owner_left_out_stays() -> None:
    assert say({"Not allowed": "Nicht erlaubt"}, "Not Found") == "Not Found"


def test_the_owner_chooses_the_order_of_the_values() -> None:
    words = {CLIENT: "{system}: {browser}"}
    assert say(words, CLIENT, browser="Firefox", system="Linux") == "Linux: Firefox"


def test_braces_in_a_value_are_no_placeholder() -> None:
    assert say({}, CLIENT, browser="{system}", system="Linux") == "{system} on Linux"


def test_a_message_without_values_keeps_its_braces() -> None:
    assert say({}, "Not allowed {0}") == "Not allowed {0}"


@pytest.mark.parametrize("words", ["{brwser}", "{}", "{browser"])
def test_words_with_another_placeholder_leave_the_message_as_it_is(words: str) -> None:
    assert say({CLIENT: words}, CLIENT, browser="Firefox", system="Linux") == "Firefox on Linux"


def test_a_message_outside_an_app_stays() -> None:
    assert translated_text("Not allowed") == "Not allowed"
