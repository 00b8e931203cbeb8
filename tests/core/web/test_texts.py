"""Messages in the owner's words of TEXTS."""

import pytest
from flask import Flask, request
from secure_flask.web.texts import translated_text

from core.conftest import MakeApp

CLIENT = "{browser} on {system}"


class Lazy:
    """A text of the present request, as Flask-Babel's `lazy_gettext` gives one."""

    def __init__(self, **words: str) -> None:
        self.words = words

    def __str__(self) -> str:
        return self.words[request.accept_languages.best_match(self.words) or "en"]

    def __html__(self) -> str:
        return str(self)


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


LAZY: dict[str, object] = {
    "Not Found": Lazy(en="Not there", de="Nicht da"),
    "Too large: at most {limit}": Lazy(en="At most {limit}", de="Höchstens {limit}"),
}


@pytest.mark.parametrize(("language", "words"), [("de", "Nicht da"), ("en", "Not there")])
def test_a_lazy_text_has_the_language_of_each_request(
    make_app: MakeApp, language: str, words: str
) -> None:
    client = make_app(TEXTS=LAZY).test_client()
    headers = {"Accept-Language": language}
    assert client.get("/nowhere", headers=headers).get_json() == {"error": words}
    page = client.get("/nowhere", headers={**headers, "Accept": "text/html"}).text
    assert words in page


def test_a_lazy_text_gets_its_values(make_app: MakeApp) -> None:
    client = make_app(TEXTS=LAZY, MAX_CONTENT_LENGTH=10).test_client()
    refused = client.post("/login", json={"username": "a" * 99}, headers={"Accept-Language": "de"})
    assert refused.get_json() == {"error": "Höchstens 10 bytes"}
