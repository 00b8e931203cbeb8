"""`/reset`: the page and the JSON of a link that sets a new password."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import routes
from views.accounts.people import (
    ADDRESS,
    RESET,
    STRONG,
    Headers,
    can_log_in,
    delivered,
    give_address,
    mailed_link,
    send,
)
from views.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    every_token_type,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
)


@pytest.fixture
def link(app: Flask, client: FlaskClient) -> str:
    """The link that the user gets who forgot the password."""
    give_address(app)
    assert send(client, RESET, {"email": ADDRESS}).status_code == 200
    return mailed_link(app)


@pytest.mark.asvs("6.3.6")
@every_token_type
def test_the_link_sets_a_new_password_ends_all_logins_and_makes_none(
    app: Flask, client: FlaskClient, credentials: Headers, link: str
) -> None:
    browser = log_in_by_form(app.test_client())
    stranger = app.test_client()
    answer = send(stranger, link, {"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": USERNAME})
    assert (answer.cache_control.no_store, "Set-Cookie" in answer.headers) == (True, False)
    assert not is_logged_in(stranger)
    assert (is_logged_in(client, credentials), is_logged_in(browser)) == (False, False)
    assert (can_log_in(client, USERNAME, PASSWORD), can_log_in(client, USERNAME)) == (False, True)
    notice = delivered(app)[-1]
    assert (notice["To"], link in notice.get_content()) == (ADDRESS, False)


def test_the_page_of_the_link_sets_it_too(app: Flask, client: FlaskClient, link: str) -> None:
    log_in_by_form(client)
    page = client.get(link).text
    assert f'autocomplete="username" value="{USERNAME}"' in page
    answers = [post(client, link, password=poor) for poor in ("", "passwordpassword")]
    refused = [(each.status_code, invalid_fields(each.text)) for each in answers]
    assert refused == [(422, ["password"])] * 2
    done = post(client, link, password=STRONG)
    # Nobody is logged in any more, so the next step is to log in.
    assert (done.status_code, f'href="{routes.LOGIN}"' in done.text) == (200, True)
    assert not is_logged_in(client)
    assert STRONG not in done.text
    assert post(client, **{**LOGIN, "password": STRONG}).status_code == 303
