"""Passwords that are easy to guess are refused on the page, by JSON and by the commands."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import routes
from views.conftest import (
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    common_passwords,
    log_in_by_form,
    post,
    stored_hash,
)

COMMON = common_passwords(USERNAME, "My Service")
TAKEN = ["seven owls in a well of ink", "cleft cam synod lacy", "vkqmzpwjxhtnbrldcgfs"]
ADVICE = "use a sentence of a few words that nobody expects"
ITS_NAME = "must not contain your name or the name of this service"


def says_what_to_do(text: str) -> bool:
    return ADVICE in text or ITS_NAME in text


def test_a_page_refuses_them(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    before = stored_hash(app)
    typed = {"current_password": PASSWORD}
    pages = {each: post(client, "/account/password", **typed, new_password=each) for each in COMMON}
    assert {page.status_code for page in pages.values()} == {422}
    assert [each for each in pages if not says_what_to_do(pages[each].text)] == []
    assert stored_hash(app) == before


@pytest.mark.parametrize("password", TAKEN)
def test_all_take_a_sentence_and_random_letters(client: FlaskClient, password: str) -> None:
    log_in_by_form(client)
    typed = {"current_password": PASSWORD, "new_password": password}
    assert post(client, "/account/password", **typed).status_code == 303
    body = {"current_password": password, "new_password": f"{password}!"}
    answer = client.post(routes.PASSWORD, json=body, headers=OWN_PAGE)
    assert answer.status_code == 200
    arguments = ["user", "password", USERNAME, "--password-stdin"]
    runner = client.application.test_cli_runner()
    assert runner.invoke(args=arguments, input=f"{password}\n").exit_code == 0
