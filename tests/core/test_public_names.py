"""`help()` of each public name says how to use it."""

import inspect

import pytest
import secure_flask
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing

from core import routes
from core.conftest import every_token_type, log_in
from core.help_texts import has_help, members_named, problems_of, public_values

FOR_TESTS = {
    name: value
    for name, value in vars(testing).items()
    if has_help(value) and value.__module__ == testing.__name__ and name[0] != "_"
}


@pytest.mark.parametrize("name", public_values(secure_flask))
def test_help_gives_parameters_units_errors_and_an_example(name: str) -> None:
    assert problems_of(name, getattr(secure_flask, name)) == []


@pytest.mark.parametrize("name", FOR_TESTS)
def test_help_gives_them_for_tests_too(name: str) -> None:
    assert problems_of(name, FOR_TESTS[name]) == []


def test_help_of_the_package_explains_the_names_that_are_objects() -> None:
    objects = public_values(secure_flask, shown=False)
    assert objects.keys() <= members_named(secure_flask)
    assert "@user_deleted.connect" in members_named(secure_flask.user_deleted)


def test_help_shows_the_parameters_of_a_decorator_that_needs_no_brackets() -> None:
    of_forms = inspect.signature(secure_flask.consumes_form)
    of_logins = inspect.signature(secure_flask.recent_login)
    assert [*of_forms.parameters] == ["view", "max_size"]
    assert [*of_logins.parameters] == ["view", "minutes"]


@every_token_type
def test_help_names_each_member_of_a_login(client: FlaskClient) -> None:
    body = client.post(routes.LOGIN, json={"username": "ada", "password": "a good long password"})
    assert body.get_json().keys() <= members_named(secure_flask.LoginResponse)


def test_help_names_each_member_of_a_listed_login(app: Flask, client: FlaskClient) -> None:
    headers = log_in(client)
    [listed] = client.get("/sessions", headers=headers).get_json()["sessions"]
    assert listed.keys() <= members_named(secure_flask.list_logins)
