"""The page of an error, as a person with a browser reads it."""

import re
from typing import NoReturn

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from secure_flask import consumes_form, error_response, public
from secure_flask.web.errors import PLAIN_MESSAGES, plain_error
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    NotFound,
    Unauthorized,
    default_exceptions,
)
from werkzeug.test import TestResponse

from core import routes
from tests.page_elements import Elements
from views.conftest import (
    LOGIN,
    OWN,
    USERNAME,
    MakeApp,
    assert_leads_to,
    log_in_by_form,
    post,
)

STATUSES = (400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 503)


def refusing(app: Flask, *errors: HTTPException) -> FlaskClient:
    """A client of an app that raises each of these errors, in turn, and the last one again."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    left = [*errors]

    def refuse() -> NoReturn:
        raise left.pop(0) if len(left) > 1 else left[0]

    app.add_url_rule("/_refused", view_func=public(refuse), methods=["GET", "POST"])
    return app.test_client()


def opened(client: FlaskClient, path: str = "/_refused") -> TestResponse:
    return client.get(path, headers=OWN)


def title(page: str) -> str:
    [found] = re.findall(r"<h1>(.*?)</h1>", page)
    return str(found)


def test_a_page_says_in_the_words_of_its_reader_what_happened_and_leads_on(
    make_app: MakeApp,
    subtests: pytest.Subtests,
) -> None:
    errors: list[HTTPException] = [default_exceptions[status]() for status in STATUSES]
    errors += [plain_error(status) for status in PLAIN_MESSAGES]
    errors += [error_response(415, "Send JSON"), error_response(422, PLAIN_MESSAGES[400])]
    client = refusing(make_app(), *errors)
    titles: set[tuple[int | None, str]] = set()
    for error in errors:
        with subtests.test(error=error):
            page = opened(client)
            status = error.code
            assert (page.status_code, title(page.text) == error.name) == (status, False)
            titles.add((status, title(page.text)))
            card = page.text.partition("<section")[2].partition("</section>")[0]
            assert "/" in [link["href"] for link in Elements(card).of("a")]
            # A sentence comes first, and says more than the title.
            assert re.search(r"^[^<]*<p>[A-Z][^<]+\.</p>", card.partition(">")[2])
            reference = (
                rf"Reference for support: <code>{page.headers['X-Request-ID']}</code> \({status}"
            )
            # It comes last, and the name of the error stays for those who look it up.
            assert re.search(reference, page.text.rpartition("</section>")[2])
    # However an error was raised, and each in words of its own.
    assert len(titles) == len(STATUSES) == len({words for _, words in titles})


def test_a_translated_message_leaves_the_words_of_the_page(make_app: MakeApp) -> None:
    texts = {"Not allowed": "Nicht erlaubt", "Not Found": "Nicht gefunden"}
    client = refusing(make_app(TEXTS=texts), plain_error(403), error_response(409, "One is there"))
    refused = opened(client).text
    assert title(refused) == "You do not have access"
    assert "(403 Nicht erlaubt)" in refused
    assert title(opened(client, "/nowhere").text) == "This page does not exist"
    # Words of a view's own are the title as they are.
    assert title(opened(client).text) == "One is there"


def test_a_page_says_when_to_come_back(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    waits = {1: "1 second", 90: "90 seconds", 300: "5 minutes", 86399: "24 hours"}
    errors = [error_response(503, "Closed", Retry_After=str(seconds)) for seconds in waits]
    client = refusing(make_app(), *errors)
    for words in waits.values():
        with subtests.test(words=words):
            assert f"Wait {words}, then try again." in opened(client).text


def test_who_lacks_access_reads_as_whom_the_login_is(make_app: MakeApp) -> None:
    client = refusing(make_app(), Forbidden())
    assert "You are not logged in." in opened(client).text
    page = opened(log_in_by_form(client))
    assert f"You are logged in as <bdi>{USERNAME}</bdi>." in page.text


def test_a_page_that_asks_for_a_login_leads_to_it_and_back(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/_form", "form", public(consumes_form(lambda: abort(401))), methods=["POST"])
    client = refusing(app, Unauthorized())
    [link] = login_links(opened(client, "/_refused?page=2&of=%C3%A9").text)
    assert_leads_to(post(client, link, **LOGIN), "/_refused?page=2&of=%C3%A9")
    # The login does not help, and the login page would lead back to this one.
    assert login_links(opened(client).text) == []
    # What came by a form cannot be asked for again.
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
    client = refusing(make_app(), NotFound())
    page = post(client, "/_refused", title="Much")
    assert page.status_code == 415
    assert "use your browser's Back button" in page.text
