"""A login from a new place at `/login`, and the words of its mail."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import routes
from views.accounts.people import ADDRESS, delivered, send
from views.conftest import LOGIN, OWN, post

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEW = {"User-Agent": FIREFOX}


@pytest.mark.parametrize("by_form", [True, False])
def test_a_login_from_a_new_place_is_told_in_the_words_of_the_list_of_logins(
    by_form: bool, app: Flask, address: str, stranger: FlaskClient
) -> None:
    send(stranger, routes.LOGIN, {**LOGIN})
    assert delivered(app) == []
    if by_form:
        assert post(stranger, routes.LOGIN, OWN | NEW, **LOGIN).status_code == 303
    else:
        assert send(stranger, routes.LOGIN, {**LOGIN}, NEW).status_code == 200
    [mail] = delivered(app)
    assert (mail["To"], mail["Subject"]) == (
        ADDRESS,
        f"A new login at {app.config['PROJECT_NAME']}",
    )
    assert "\nFirefox on Linux, 127.0.0.*\n\nWas this you?" in mail.get_content()
