"""`help()` of each public name says how to use it."""

import inspect

import pytest
import secure_flask
from flask.testing import FlaskClient
from secure_flask import testing

from core import routes
from core.conftest import LOGIN, every_token_type, headers_of
from core.help_texts import has_help, members_named, problems_of, public_values

FOR_TESTS = {
    name: value
    for name, value in vars(testing).items()
    if has_help(value) and value.__module__ == testing.__name__ and name[0] != "_"
}


@pytest.mark.parametrize("name", [*public_values(secure_flask), *FOR_TESTS])
def test_help_gives_parameters_units_errors_and_an_example(name: str) -> None:
    assert problems_of(name, FOR_TESTS.get(name) or getattr(secure_flask, name)) == []


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
    body = client.post(routes.LOGIN, json=LOGIN).get_json()
    assert body.keys() <= members_named(secure_flask.LoginResponse)
    sessions = client.get(routes.SESSIONS, headers=headers_of(body)).get_json()["sessions"]
    assert sessions[0].keys() <= members_named(secure_flask.list_logins)
