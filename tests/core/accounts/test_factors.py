"""A role that demands a second factor, given while its user is logged in, and forgotten factors.

An owner gives it by `user.roles`, or by a new name in SECOND_FACTOR_ROLES: `flask user roles` ends
all logins by itself.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import change_password, current_user, db, delete_user, log_in_user, reauthenticate
from secure_flask.accounts import AccountSettings, begin_authenticator, finish_authenticator
from secure_flask.auth import access
from secure_flask.auth.logins import Login
from sqlalchemy import select

from core import routes, site
from core.accounts.ceremonies import REGISTER, answer, ask
from core.accounts.devices import Passkey, add_app, code_of
from core.accounts.people import STRONG, new_login, request_of, status_of, user_of
from core.conftest import LOGIN, PASSWORD, Configure, apps_made_by, give_roles


@pytest.fixture(autouse=True)
def _policy(app: Flask, configure: Configure) -> None:
    configure(app, SECOND_FACTOR_ROLES=["boss"])


@pytest.fixture
def login(app: Flask) -> str:
    """The secret of a login by password alone."""
    with app.app_context():
        return new_login()


@pytest.mark.parametrize("token_type", ["jwt"])
def test_a_login_by_password_alone_is_not_refreshed(app: Flask, client: FlaskClient) -> None:
    body = {"refresh_token": client.post(routes.LOGIN, json=LOGIN).get_json()["refresh_token"]}
    give_roles(app, "boss")
    assert client.post(routes.REFRESH, json=body).status_code == 401
    give_roles(app)
    # It has not ended: without the role it goes on.
    assert client.post(routes.REFRESH, json=body).status_code == 200


@pytest.mark.asvs("6.3.3")
def test_a_login_by_password_alone_is_nobodys_and_sets_up_no_first_factor(
    app: Flask, login: str
) -> None:
    with request_of(app, login):
        setup, asked = begin_authenticator(), ask(REGISTER)
    give_roles(app, "boss")
    with request_of(app, login):
        # A public view does not see the role either.
        assert not current_user
        tried = [
            status_of(begin_authenticator),
            status_of(finish_authenticator, setup.state, code_of(setup.secret)),
            status_of(ask, REGISTER),
            answer(REGISTER, asked, Passkey()),
            status_of(reauthenticate, PASSWORD),
            status_of(change_password, PASSWORD, STRONG),
        ]
    assert tried == [401] * 6


def test_a_role_that_the_policy_names_later_counts_too(
    app: Flask, login: str, configure: Configure
) -> None:
    give_roles(app, "boss", "editor")
    seen = []
    for names in ([], ["editor"]):
        configure(app, SECOND_FACTOR_ROLES=names)
        with request_of(app, login):
            seen.append(bool(current_user))
    assert seen == [True, False]


def test_a_factor_that_was_added_to_a_login_by_password_does_not_count_before_the_next(
    app: Flask, login: str
) -> None:
    with request_of(app, login):
        add_app()
    give_roles(app, "boss")
    with request_of(app, login):
        assert not current_user


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """A second app over the same users, which does not call `accounts.init_app`."""

    def create(values: dict[str, Any], **policy: Any) -> Flask:
        return site.create_app(AccountSettings(_env_file=None, **values), **policy)

    with apps_made_by(create) as make_app:
        yield make_app()


@pytest.mark.asvs("6.3.3")
def test_without_init_app_of_accounts_nobody_logs_in_nor_is_logged_in_or_deleted_in_part(
    forgetful: Flask,
    subtests: pytest.Subtests,
) -> None:
    """The password alone would log in users who have, or whose role demands, a second factor."""
    with forgetful.app_context():
        secret = new_login()
        with pytest.raises(RuntimeError, match=r"call `accounts.init_app"):
            forgetful.test_client().post(routes.LOGIN, json=LOGIN)
    for by, rule in (
        ("", lambda: log_in_user(user_of(), provider="bakery")),
        ("", lambda: delete_user(user_of())),
        (secret, access.require_user),
    ):
        with (
            subtests.test(by=by, rule=rule),
            request_of(forgetful, by),
            pytest.raises(RuntimeError, match=r"accounts.init_app"),
        ):
            rule()
    with forgetful.app_context():
        assert len(db.session.scalars(select(Login)).all()) == 1
