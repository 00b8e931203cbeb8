"""`help()` of each public name of accounts says how to use it."""

import pytest
import secure_flask
from secure_flask import Model, accounts
from secure_flask.accounts.authenticator import AuthenticatorSetup

from core.accounts.devices import Passkey
from core.accounts.people import downloaded
from core.accounts.site import User
from core.conftest import PASSWORD, USERNAME
from core.help_texts import members_named, problems_of, public_values


@pytest.mark.parametrize("name", public_values(accounts))
def test_help_gives_parameters_units_errors_and_an_example(name: str) -> None:
    assert problems_of(name, getattr(accounts, name)) == []


def test_help_of_the_package_explains_the_names_that_are_objects() -> None:
    assert public_values(accounts, shown=False).keys() <= members_named(accounts)


def test_help_names_each_member_of_what_a_call_returns(
    user: User, secret: str, passkey: Passkey
) -> None:
    [listed] = accounts.list_passkeys(user)
    half = secure_flask.log_in(USERNAME, PASSWORD)
    assert "tf_required" in half
    assert half.keys() <= members_named(secure_flask.log_in)
    assert listed.keys() <= members_named(accounts.list_passkeys)
    assert downloaded(user).keys() <= members_named(accounts.personal_data)
    assert {*AuthenticatorSetup._fields} <= members_named(accounts.begin_authenticator)


def test_an_app_may_name_a_class_as_the_core_does_and_write_a_relationship_to_it() -> None:
    """SQLAlchemy looks for the class of `relationship("Step")` in the registry of `Model`."""
    classes = [mapper.class_ for mapper in Model.registry.mappers]
    of_core = {each.__name__ for each in classes if each.__module__.startswith("secure_flask.")}
    assert of_core == set()
