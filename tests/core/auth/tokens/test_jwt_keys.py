"""The keys that sign: how they are written, and how one takes another's place."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing
from secure_flask.auth.tokens import jwt_token
from secure_flask.policy_types import MAX_NAME
from secure_flask.settings import Settings, SettingsError, keyrings
from secure_flask.settings.__main__ import fresh_secrets
from secure_flask.web.origins import PolicyError

from core import routes
from core.auth.tokens.test_bearer import ask, assert_accepted, assert_refused
from core.conftest import LOGIN, SECRETS, MakeApp, is_logged_in, log_in

OLD, NEW = SECRETS["token_keys"], keyrings.new_key("2")
[OLD_ID] = keyrings.read_keyring(OLD)


def test_the_app_does_not_start_without_a_key(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match="TOKEN_KEYS is missing"):
        make_app(TOKEN_TYPE="jwt", token_keys=None)


@pytest.mark.asvs("11.6.1")
def test_an_unusable_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    too_short = OLD[:-2]
    values = {**fresh_secrets(), "APP_ENV": "development", "TOKEN_KEYS": too_short}
    for name, secret in values.items():
        monkeypatch.setenv(name, secret)
    with pytest.raises(SettingsError, match="TOKEN_KEYS") as refused:
        Settings.load()
    assert too_short.partition(":")[2] not in str(refused.value)


@pytest.mark.parametrize("name", ["TOKEN_ISSUER", "TOKEN_AUDIENCE"])
def test_a_name_that_no_token_can_carry_is_refused(make_app: MakeApp, name: str) -> None:
    for value in ("", " ", "a b", "a\n", "\x07", "\udcff", "a" * (MAX_NAME + 1)):
        with pytest.raises(PolicyError, match=f"{name} is .*; write 1 to 255 ASCII characters"):
            make_app(TOKEN_TYPE="jwt", **{name: value})


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(TOKEN_TYPE="jwt")


def use_keys(app: Flask, *ring: str) -> None:
    with testing.thawed(app, TOKEN_KEYS=",".join(ring)):
        jwt_token.read_signing_keys(app)


def test_the_old_keys_tokens_serve_beside_the_new_ones(app: Flask, client: FlaskClient) -> None:
    old = log_in(client)
    use_keys(app, NEW, OLD)
    assert is_logged_in(client, old)
    assert is_logged_in(client, log_in(client))


def test_the_first_key_signs(app: Flask, client: FlaskClient) -> None:
    use_keys(app, NEW, OLD)
    credentials = log_in(client)
    use_keys(app, OLD)
    assert not is_logged_in(client, credentials)
    use_keys(app, NEW)
    assert is_logged_in(client, credentials)


def test_dropping_a_key_ends_what_it_signed_but_no_login(app: Flask, client: FlaskClient) -> None:
    login = client.post(routes.LOGIN, json=LOGIN).get_json()
    use_keys(app, NEW)
    assert_refused(ask(client, login["token"]))
    refresh_token = {"refresh_token": login["refresh_token"]}
    again = client.post(routes.REFRESH, json=refresh_token)
    assert_accepted(ask(client, again.get_json()["token"]))


def test_another_key_under_the_same_id_is_another_key(app: Flask, client: FlaskClient) -> None:
    credentials = log_in(client)
    use_keys(app, keyrings.new_key(OLD_ID))
    assert not is_logged_in(client, credentials)
