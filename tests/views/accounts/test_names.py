"""`/change-username`: its page and its JSON."""

from flask import Flask
from flask.testing import FlaskClient

from views.accounts.people import Headers, can_log_in, send
from views.conftest import (
    PASSWORD,
    USERNAME,
    add_user,
    every_token_type,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
)

CHANGE = "/change-username"


@every_token_type
def test_a_user_changes_the_name_and_stays_logged_in(
    client: FlaskClient, credentials: Headers
) -> None:
    answer = send(client, CHANGE, {"username": "countess"}, credentials)
    assert (answer.status_code, answer.get_json()) == (200, {"username": "countess"})
    assert is_logged_in(client, credentials)
    assert [can_log_in(client, name, PASSWORD) for name in (USERNAME, "Countess")] == [False, True]


def test_it_is_changed_by_a_form(app: Flask, client: FlaskClient) -> None:
    add_user(app, "grace")
    log_in_by_form(client)
    assert f'href="{CHANGE}"' in client.get("/account").text
    pages = {name: post(client, CHANGE, username=name) for name in ("", "a@b", "GRACE", "admin")}
    marked = {name: (each.status_code, invalid_fields(each.text)) for name, each in pages.items()}
    assert marked == dict.fromkeys(pages, (422, ["username"]))
    done = post(client, CHANGE, username="countess")
    assert (done.status_code, "countess" in done.text) == (200, True)
    grow_old(app)
    assert post(client, CHANGE, username="ada").status_code == 303
