"""`/reset`: who reads the mails of an account sets a new password, and nobody else."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import notices, steps
from secure_flask.accounts.mail_limits import AGAIN
from secure_flask.accounts.recovery import LIFETIME
from secure_flask.auth import passwords
from sqlalchemy import update

from app.models import User
from core import routes
from views.accounts.people import (
    ADDRESS,
    CONFIRM,
    REGISTRATION,
    RESET,
    STRONG,
    Headers,
    away,
    can_log_in,
    database_in,
    delivered,
    give_address,
    mailed_link,
    poor_passwords,
    registered_link,
    send,
)
from views.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    MakeApp,
    Wait,
    every_token_type,
    invalid_fields,
    is_logged_in,
    log_in,
    log_in_by_form,
    post,
    stored_user,
)

OTHER = f"another: {STRONG}"
AT_ONCE = 8


def reset_link(app: Flask, client: FlaskClient) -> str:
    assert send(client, RESET, {"email": ADDRESS}).status_code == 200
    return mailed_link(app)


@pytest.fixture
def link(app: Flask, client: FlaskClient) -> str:
    """The link that the user gets who forgot the password."""
    give_address(app)
    return reset_link(app, client)


def set_password(client: FlaskClient, link: str, password: str = STRONG) -> int:
    return send(client, link, {"password": password}).status_code


@pytest.mark.asvs("6.3.6")
@every_token_type
def test_the_link_sets_a_new_password_ends_all_logins_and_makes_none(
    app: Flask, client: FlaskClient, credentials: Headers, link: str
) -> None:
    browser = log_in_by_form(app.test_client())
    stranger = app.test_client()
    answer = send(stranger, link, {"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": USERNAME})
    assert (answer.cache_control.no_store, "Set-Cookie" in answer.headers) == (True, False)
    assert not is_logged_in(stranger)
    assert (is_logged_in(client, credentials), is_logged_in(browser)) == (False, False)
    assert (can_log_in(client, USERNAME, PASSWORD), can_log_in(client, USERNAME)) == (False, True)
    notice = delivered(app)[-1]
    assert (notice["To"], link in notice.get_content()) == (ADDRESS, False)


def test_the_page_of_the_link_sets_it_too(app: Flask, client: FlaskClient, link: str) -> None:
    log_in_by_form(client)
    page = client.get(link).text
    assert f'autocomplete="username" value="{USERNAME}"' in page
    for poor in ("", *poor_passwords(USERNAME, ADDRESS)):
        refused = post(client, link, password=poor)
        assert (refused.status_code, invalid_fields(refused.text)) == (422, ["password"])
    done = post(client, link, password=STRONG)
    # Nobody is logged in any more, so the next step is to log in.
    assert (done.status_code, f'href="{routes.LOGIN}"' in done.text) == (200, True)
    assert not is_logged_in(client)
    assert STRONG not in done.text
    assert post(client, **{**LOGIN, "password": STRONG}).status_code == 303


@pytest.mark.asvs("6.4.3")
def test_only_the_owner_of_an_enabled_account_gets_a_mail(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    give_address(app)
    for unknown in ("nobody@example.org", "none@localhost"):
        send(client, RESET, {"email": unknown})
    assert send(client, RESET, {"email": ADDRESS.upper()}).status_code == 200
    sent = delivered(app)
    # To the address that was proven, not as it was typed now.
    assert sent[-1]["To"] == ADDRESS
    with stored_user(app) as user:
        user.disabled = True
    wait(AGAIN)
    send(client, RESET, {"email": ADDRESS})
    assert delivered(app) == sent


def test_the_reset_mail_of_an_open_registration_is_its_confirm_link(
    app: Flask, client: FlaskClient
) -> None:
    """Who never confirmed gets in all the same."""
    first = registered_link(app, client)
    assert send(client, RESET, {"email": REGISTRATION["email"]}).status_code == 200
    link = mailed_link(app)
    assert link != first
    assert link.startswith(f"{CONFIRM}/")
    body: dict[str, object] = {"new_password": OTHER}
    assert send(client, link, body).status_code == 200
    assert can_log_in(client, REGISTRATION["username"], OTHER)


@pytest.mark.asvs("6.4.3")
def test_the_link_serves_once_and_for_an_hour(
    app: Flask, client: FlaskClient, link: str, wait: Wait
) -> None:
    assert set_password(client, link) == 200
    assert (set_password(client, link, OTHER), client.get(link).status_code) == (404, 404)
    link = reset_link(app, client)
    wait(LIFETIME)
    assert (set_password(client, link, OTHER), client.get(link).status_code) == (404, 404)
    assert can_log_in(client, USERNAME)


@pytest.mark.parametrize("by", ["user", "operator", "link", "address", "disabled"])
def test_a_change_of_the_account_ends_the_links_that_wait(
    app: Flask, client: FlaskClient, link: str, by: str
) -> None:
    if by == "user":
        body = {"current_password": PASSWORD, "new_password": OTHER}
        assert send(client, routes.PASSWORD, {**body}, log_in(client)).status_code == 200
    elif by == "link":
        assert set_password(client, reset_link(app, client), OTHER) == 200
    else:
        # The reader of a former mailbox may be somebody else by now.
        new = {"address": ["email", USERNAME, "ada@example.com"], "disabled": ["disable", USERNAME]}
        command = new.get(by, ["password", USERNAME])
        assert app.test_cli_runner().invoke(args=["user", *command]).exit_code == 0
    assert (client.get(link).status_code, set_password(client, link)) == (404, 404)


def test_a_poor_password_leaves_the_link(client: FlaskClient, link: str) -> None:
    for poor in poor_passwords(USERNAME, ADDRESS):
        answer = send(client, link, {"password": poor})
        assert (answer.status_code, answer.get_json()["fields"].keys()) == (400, {"password"})
        assert poor not in answer.text
    assert set_password(client, link) == 200


@pytest.mark.parametrize("step", [(notices, "password_changed"), (steps, "use_step")])
def test_password_and_logins_change_together_or_not_at_all(
    client: FlaskClient,
    credentials: Headers,
    link: str,
    step: tuple[object, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(*step, away)
        assert set_password(client, link) == 503
    assert (is_logged_in(client, credentials), can_log_in(client, USERNAME)) == (True, False)
    assert set_password(client, link) == 200


def test_the_link_to_a_former_address_opens_nothing(
    app: Flask, client: FlaskClient, link: str
) -> None:
    """As where its mail was being sent while the address changed, or code of the owner changed it."""
    with stored_user(app) as user:
        user.email = "new@example.org"
    assert (client.get(link).status_code, set_password(client, link)) == (404, 404)
    assert can_log_in(client, USERNAME, PASSWORD)


def test_a_link_whose_password_was_not_stored_says_so_and_serves_again(
    client: FlaskClient, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a login at the same moment renewed the hash of former parameters."""
    hash_new_password = passwords.hash_new_password

    def renewed_meanwhile(*arguments: Any, **options: Any) -> str:
        renewed = update(User).values(password_hash=passwords.hash_password(PASSWORD))
        db.session.execute(renewed, execution_options={"synchronize_session": False})
        db.session.commit()
        return hash_new_password(*arguments, **options)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(passwords, "hash_new_password", renewed_meanwhile)
        assert set_password(client, link) == 404
    assert can_log_in(client, USERNAME, PASSWORD)
    assert set_password(client, link) == 200


def test_of_eight_requests_with_one_link_one_sets_the_password(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(database_url=database_in(tmp_path))
    give_address(app)
    link = reset_link(app, app.test_client())

    def reset(number: int) -> int:
        return set_password(app.test_client(), link, f"{STRONG}, {number}")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = [*threads.map(reset, range(AT_ONCE))]
    assert statuses.count(200) == 1
    assert can_log_in(app.test_client(), USERNAME, f"{STRONG}, {statuses.index(200)}")
