"""People make their accounts, and get back in, by a mailed link."""

from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import (
    ADDRESS,
    NAME,
    PASSWORD,
    add_person,
    call,
    follow,
    log_in,
    mailed_link,
    sign_up,
)


def test_the_mailed_link_makes_the_account(app: Flask, client: FlaskClient) -> None:
    assert log_in(client).status_code == 401
    sign_up(app)
    assert log_in(client).status_code == 200


def test_a_forgotten_password_is_replaced_by_a_mailed_link(app: Flask, client: FlaskClient) -> None:
    add_person(app)
    assert call(client, "forgot", email=ADDRESS).status_code == 200
    new = f"{PASSWORD} and one more"
    assert follow(client, mailed_link(app), password=new).get_json() == {"username": NAME}
    assert log_in(client).status_code == 401
    assert log_in(client, new).status_code == 200


def test_no_answer_tells_whether_an_address_is_known(app: Flask, client: FlaskClient) -> None:
    add_person(app)
    known, unknown = (
        call(client, "forgot", email=email) for email in (ADDRESS, "nobody@example.org")
    )
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data)
