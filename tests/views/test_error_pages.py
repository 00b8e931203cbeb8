"""The page of an error, as a person with a browser reads it."""

import re
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from secure_flask import consumes_form, error_response, public
from secure_flask.web.errors import PLAIN_MESSAGES, plain_error
from werkzeug.exceptions import default_exceptions

from core import routes
from tests.page_elements import Elements
from views import PROJECT
from views.conftest import (
    LOGIN,
    OWN,
    USERNAME,
    MakeApp,
    assert_leads_to,
    log_in_by_form,
    post,
)

TITLES = {
    400: "We could not read that",
    401: "Please log in",
    403: "You do not have access",
    404: "This page does not exist",
    405: "This page cannot be opened directly",
    409: "This does not fit what is stored now",
    410: "This page no longer exists",
    413: "This is too large",
    415: "This kind of data is not accepted here",
    422: "Something that was entered cannot be accepted",
    429: "Too many requests in a short time",
    500: "Something went wrong on our side",
    503: "This site is not available right now",
}
# The names by which error.html chooses its words.
NAMED = re.compile(r'^  "([^"]+)": \(', re.MULTILINE)


def refusing(app: Flask, refuse: Callable[[], NoReturn]) -> FlaskClient:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/_refused", view_func=public(lambda: refuse()), methods=["GET", "POST"])
    return app.test_client()


def raised(status: int, message: str, **headers: str) -> NoReturn:
    raise error_response(status, message, **headers)


def plain(status: int) -> NoReturn:
    raise plain_error(status)


def title(page: str) -> str:
    [found] = re.findall(r"<h1>(.*?)</h1>", page)
    return str(found)


@pytest.mark.parametrize(
    ("status", "refuse"),
    [
        *(pytest.param(each, partial(abort, each), id=f"{each} by abort") for each in TITLES),
        *(pytest.param(each, partial(plain, each), id=f"{each} plain") for each in PLAIN_MESSAGES),
        pytest.param(415, partial(raised, 415, "Send JSON"), id="415 in any words"),
        pytest.param(422, partial(raised, 422, PLAIN_MESSAGES[400]), id="422 of a model"),
    ],
)
def test_a_page_says_in_the_words_of_its_reader_what_happened_and_leads_on(
    make_app: MakeApp, status: int, refuse: Callable[[], NoReturn]
) -> None:
    page = refusing(make_app(), refuse).get("/_refused", headers=OWN)
    assert (page.status_code, title(page.text)) == (status, TITLES[status])
    card = page.text.partition("<section")[2].partition("</section>")[0]
    assert "/" in [link["href"] for link in Elements(card).of("a")]
    # A sentence comes first, and says more than the title.
    assert re.search(r"^[^<]*<p>[A-Z][^<]+\.</p>", card.partition(">")[2])
    reference = rf"Reference for support: <code>{page.headers['X-Request-ID']}</code> \({status}"
    # It comes last, and the name of the error stays for those who look it up.
    assert re.search(reference, page.text.rpartition("</section>")[2])


def test_each_name_of_the_page_is_a_status_or_a_message_of_the_core() -> None:
    """A name that nothing has any more is an entry that no reader sees."""
    page = (PROJECT / "app" / "templates" / "error.html").read_text("utf-8")
    core = "".join(file.read_text("utf-8") for file in PROJECT.glob("secure_flask/**/*.py"))
    statuses = {error().name for error in default_exceptions.values()}
    named = set(NAMED.findall(page)) - statuses
    assert {name for name in named if f'"{name}"' not in core} == set()
    assert len(named) > 3


def test_a_translated_message_leaves_the_words_of_the_page(make_app: MakeApp) -> None:
    texts = {"Not allowed": "Nicht erlaubt", "Not Found": "Nicht gefunden"}
    client = refusing(make_app(TEXTS=texts), partial(plain, 403))
    pages = {path: client.get(path, headers=OWN).text for path in ("/_refused", "/nowhere")}
    assert [title(page) for page in pages.values()] == [TITLES[403], TITLES[404]]
    assert "(403 Nicht erlaubt)" in pages["/_refused"]


def test_words_of_your_own_are_the_title_as_they_are(make_app: MakeApp) -> None:
    client = refusing(make_app(), partial(raised, 409, "There is one already"))
    assert title(client.get("/_refused", headers=OWN).text) == "There is one already"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (90, "90 seconds"), (300, "5 minutes"), (86399, "24 hours")],
)
def test_a_page_says_when_to_come_back(make_app: MakeApp, seconds: int, words: str) -> None:
    wait = {"Retry_After": str(seconds)}
    client = refusing(make_app(), partial(raised, 503, "Closed", **wait))
    assert f"Wait {words}, then try again." in client.get("/_refused", headers=OWN).text


def test_who_lacks_access_reads_as_whom_the_login_is(make_app: MakeApp) -> None:
    client = refusing(make_app(), partial(abort, 403))
    assert "You are not logged in." in client.get("/_refused", headers=OWN).text
    page = log_in_by_form(client).get("/_refused", headers=OWN)
    assert f"You are logged in as <bdi>{USERNAME}</bdi>." in page.text


def test_a_page_that_asks_for_a_login_leads_to_it_and_back(make_app: MakeApp) -> None:
    client = refusing(make_app(), partial(abort, 401))
    [link] = login_links(client.get("/_refused?page=2&of=%C3%A9", headers=OWN).text)
    assert_leads_to(post(client, link, **LOGIN), "/_refused?page=2&of=%C3%A9")
    # The login does not help, and the login page would lead back to this one.
    assert login_links(client.get("/_refused", headers=OWN).text) == []


def test_a_form_that_needs_a_login_leads_to_it_alone(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/_form", "form", public(consumes_form(lambda: abort(401))), methods=["POST"])
    page = post(app.test_client(), "/_form", title="Much")
    assert (page.status_code, login_links(page.text)) == (401, [routes.LOGIN])


def login_links(page: str) -> list[str]:
    links = [link["href"] for link in Elements(page.partition("<main")[2]).of("a")]
    return [link for link in links if link.startswith(routes.LOGIN)]


@pytest.mark.parametrize("path", ["/", "/nowhere", "//nowhere"])
def test_the_page_of_an_unknown_host_links_nowhere(client: FlaskClient, path: str) -> None:
    headers = {**OWN, "Host": "evil.example"}
    page = client.get(headers=headers, environ_overrides={"PATH_INFO": path})
    assert (page.status_code, title(page.text)) == (400, "This site has another address")
    assert not re.search(r"\b(href|src|action)=|evil", page.text)


def test_a_form_that_was_refused_says_how_to_get_back_what_was_typed(make_app: MakeApp) -> None:
    client = refusing(make_app(), partial(abort, 404))
    page = post(client, "/_refused", title="Much")
    assert (page.status_code, title(page.text)) == (415, TITLES[415])
    assert "use your browser's Back button" in page.text
