"""Registration and a mailed link refuse passwords that are easy to guess."""

from flask import Flask
from flask.testing import FlaskClient

from core.accounts.observing import stored_rows
from views.accounts.people import (
    ADDRESS,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    give_address,
    mailed_link,
    register,
    registered_link,
    send,
)
from views.conftest import USERNAME, Wait, common_passwords, invalid_fields, post
from views.test_common_passwords import says_what_to_do

SERVICE = "My Service"
# A network may send 20 of these forms a minute.
A_MINUTE = 60
COMMON = common_passwords(REGISTRATION["username"], SERVICE)


def test_nobody_registers_with_one(app: Flask, client: FlaskClient, wait: Wait) -> None:
    before = stored_rows(app)
    answers = {each: register(client, password=each) for each in COMMON}
    wait(A_MINUTE)
    pages = {each: post(client, REGISTER, **{**REGISTRATION, "password": each}) for each in COMMON}
    assert {answer.status_code for answer in answers.values()} == {400}
    assert {page.status_code for page in pages.values()} == {422}
    assert [each for each in answers if not says_what_to_do(answers[each].text)] == []
    assert [each for each in pages if not says_what_to_do(pages[each].text)] == []
    assert stored_rows(app) == before


def test_nobody_chooses_one_by_the_link_of_a_registration(app: Flask, client: FlaskClient) -> None:
    link = registered_link(app, client)
    name = REGISTRATION["username"]
    answers = [send(client, link, {"username": name, "new_password": each}) for each in COMMON]
    assert {answer.status_code for answer in answers} == {400}
    assert send(client, link, {"username": name, "new_password": STRONG}).status_code == 200


def test_nobody_resets_the_password_to_one(app: Flask, client: FlaskClient, wait: Wait) -> None:
    give_address(app)
    send(client, RESET, {"email": ADDRESS})
    link = mailed_link(app)
    passwords = common_passwords(USERNAME, SERVICE)
    answers = [send(client, link, {"password": each}) for each in passwords]
    wait(A_MINUTE)
    pages = [post(client, link, password=each) for each in passwords]
    assert {answer.status_code for answer in answers} == {400}
    assert [invalid_fields(page.text) for page in pages] == [["password"]] * len(passwords)
    assert send(client, link, {"password": STRONG}).status_code == 200
