"""The owner's words: they replace what people read, and no error that programs compare."""

import pytest
from flask.testing import FlaskClient
from secure_flask.web.texts import text

from core import routes
from core.conftest import LOGIN, MakeApp

BROWSER = {"Accept": "text/html", "Origin": "http://localhost"}
WRONG = {**LOGIN, "password": "not the password"}
MESSAGE, WORDS = "{browser} on {system}", "{system}: {browser}"
TEXTS = {"Not Found": "Nicht gefunden", "Invalid credentials": "Falsch", MESSAGE: WORDS}


@pytest.fixture(scope="module")
def client(make_app: MakeApp) -> FlaskClient:
    return make_app(TEXTS=TEXTS).test_client()


def test_pages_and_errors_in_json_have_the_owners_words(client: FlaskClient) -> None:
    assert client.get("/no").json == {"error": "Nicht gefunden"}
    page = client.get("/no", headers=BROWSER).text
    assert "<h1>Nicht gefunden</h1>" in page
    assert "Not Found" not in page


def test_only_the_page_of_a_refused_login_has_them(client: FlaskClient) -> None:
    assert client.post(routes.LOGIN, json=WRONG).json == {"error": "Invalid credentials"}
    answer = client.post(routes.LOGIN, data=WRONG, headers=BROWSER)
    assert (answer.status_code, "<h1>Falsch</h1>" in answer.text) == (401, True)


def test_words_keep_their_values_and_other_messages_stay(client: FlaskClient) -> None:
    values = {"browser": "{system}", "system": "Linux"}
    with client.application.app_context():
        assert text(MESSAGE, **values) == "Linux: {system}"
        assert text("Not allowed {0}") == "Not allowed {0}"


def test_words_are_escaped_in_a_page(make_app: MakeApp) -> None:
    page = make_app(TEXTS={"Not Found": "<b>"}).test_client().get("/no", headers=BROWSER)
    assert "<h1>&lt;b&gt;</h1>" in page.text
