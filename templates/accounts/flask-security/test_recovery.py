"""A forgotten password: who reads the mails of the account sets a new one, and nobody else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts.links.recovery import LIFETIME
from app.accounts.mail import mail_limits
from app.auth import logins, users
from app.security import rate_limiter
from tests import routes
from tests.accounts.conftest import AssertAlike, Mails
from tests.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    CONFIRM,
    OWN_FORM,
    REGISTER,
    REGISTRATION,
    RESET,
    RULE,
    STRONG,
    Headers,
    away,
    begin_login,
    code_of,
    create_user,
    give_address,
    headers_of,
    link_in,
    poor_passwords,
    send_code,
)
from tests.accounts.test_login import set_password
from tests.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    Wait,
    is_logged_in,
    log_in,
    stored_user,
)

pytestmark = pytest.mark.usefixtures("unhurried", "known_rules")

AT_ONCE = 8
OTHER = f"another one: {STRONG}"


@pytest.fixture
def link(client: FlaskClient, address: str, mails: Mails) -> str:
    """The link that the user gets who forgot the password."""
    return mailed_link(client, mails)


def forget(client: FlaskClient, email: str = ADDRESS) -> TestResponse:
    return client.post(RESET, json={"email": email})


def mailed_link(client: FlaskClient, mails: Mails) -> str:
    assert forget(client).status_code == 200
    [message] = mails(ADDRESS)
    return link_in(message)


def can_log_in(client: FlaskClient, password: str) -> bool:
    return client.post(routes.LOGIN, json={**LOGIN, "password": password}).status_code == 200


@pytest.mark.asvs("6.4.3")
def test_the_link_sets_a_new_password_and_logs_nobody_in(client: FlaskClient, link: str) -> None:
    answer = client.post(link, json={"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": USERNAME})
    assert answer.cache_control.no_store
    assert "Set-Cookie" not in answer.headers
    assert not is_logged_in(client, {})
    assert not can_log_in(client, PASSWORD)
    assert can_log_in(client, STRONG)


def test_the_page_of_the_link_sets_it_too(client: FlaskClient, link: str) -> None:
    page = client.get(link)
    assert page.status_code == 200
    assert page.cache_control.no_store
    for password, status in (("", 422), ("short", 422), (STRONG, 200)):
        answer = client.post(link, data={"password": password}, headers=OWN_FORM)
        assert answer.status_code == status
        assert "Set-Cookie" not in answer.headers
        assert STRONG not in answer.text
        assert len(RULE.findall(answer.text)) == (1 if status == 422 else 0)
    assert can_log_in(client, STRONG)


@pytest.mark.asvs("6.3.8")
def test_nothing_tells_whether_an_address_is_known(
    app: Flask, client: FlaskClient, address: str, assert_alike: AssertAlike
) -> None:
    create_user(app, "disabled", "disabled@example.org")
    with stored_user(app, "disabled") as user:
        user.disabled = True
    tries = [ADDRESS, ADDRESS.upper(), "nobody@example.org", "disabled@example.org"]
    assert_alike([partial(forget, client, email) for email in tries])


def test_only_the_owner_of_an_enabled_account_gets_a_mail(
    app: Flask, client: FlaskClient, address: str, mails: Mails
) -> None:
    forget(client, "nobody@example.org")
    assert mails() == []
    forget(client, ADDRESS.title())
    # To the address that was proven, not as it was typed now.
    [message] = mails()
    assert message["To"] == ADDRESS
    with stored_user(app) as user:
        user.disabled = True
    forget(client)
    assert mails() == []


@pytest.mark.asvs("6.4.3")
def test_the_second_factor_stays(
    app: Flask, secret: str, stranger: FlaskClient, mails: Mails
) -> None:
    link = mailed_link(stranger, mails)
    assert stranger.post(link, json={"password": STRONG}).status_code == 200
    half = begin_login(stranger, password=STRONG)
    assert is_logged_in(stranger, headers_of(send_code(stranger, half, code_of(secret))))


@pytest.mark.asvs("7.4.3")
def test_all_logins_end(app: Flask, client: FlaskClient, credentials: Headers, link: str) -> None:
    other = app.test_client()
    others = log_in(other)
    assert client.post(link, json={"password": STRONG}).status_code == 200
    assert not is_logged_in(client, credentials)
    assert not is_logged_in(other, others)


@pytest.mark.asvs("6.3.7")
def test_the_owner_learns_of_it(client: FlaskClient, link: str, mails: Mails) -> None:
    client.post(link, json={"password": STRONG})
    assert len(mails(ADDRESS)) == 1


@pytest.mark.asvs("3.5.3")
def test_to_open_the_link_changes_nothing(client: FlaskClient, link: str) -> None:
    for _ in range(2):
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert can_log_in(client, PASSWORD)
    assert client.post(link, json={"password": STRONG}).status_code == 200


@pytest.mark.asvs("6.4.1")
def test_the_link_serves_once_and_for_an_hour(
    client: FlaskClient, link: str, mails: Mails, clock: Wait
) -> None:
    assert client.post(link, json={"password": STRONG}).status_code == 200
    assert client.post(link, json={"password": OTHER}).status_code == 404
    assert client.get(link).status_code == 404
    mails()
    link = mailed_link(client, mails)
    clock(LIFETIME)
    assert client.get(link).status_code == 404
    assert client.post(link, json={"password": OTHER}).status_code == 404
    assert can_log_in(client, STRONG)


def test_of_eight_requests_with_one_link_one_sets_the_password(file_app: Flask) -> None:
    give_address(file_app)
    client = file_app.test_client()
    forget(client)
    link = link_in(file_app.extensions["mailbox"].mails[-1].message)

    def send(number: int) -> int:
        body = {"password": f"{STRONG}, {number}"}
        return file_app.test_client().post(link, json=body).status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = list(threads.map(send, range(AT_ONCE)))
    assert statuses.count(200) == 1
    assert can_log_in(client, f"{STRONG}, {statuses.index(200)}")


def test_a_change_of_the_password_ends_the_links_that_wait(
    app: Flask, client: FlaskClient, address: str, mails: Mails, subtests: pytest.Subtests
) -> None:
    def change() -> None:
        body = {"current_password": PASSWORD, "new_password": OTHER}
        assert client.post(routes.PASSWORD, json=body, headers=log_in(client)).status_code == 200

    def reset() -> None:
        other = mailed_link(client, mails)
        assert client.post(other, json={"password": OTHER}).status_code == 200
        mails()

    changes = {
        "by the user": change,
        "by an operator": lambda: set_password(app, OTHER),
        "by another link": reset,
    }
    for case, make in changes.items():
        set_password(app, PASSWORD)
        mails()
        # Each case has all the mails that the limit allows.
        rate_limiter.init_app(app)
        link = mailed_link(client, mails)
        make()
        mails()
        with subtests.test(case):
            assert client.get(link).status_code == 404
            assert client.post(link, json={"password": STRONG}).status_code == 404
            assert can_log_in(client, OTHER)


def test_the_link_of_a_user_who_is_disabled_in_the_meantime_serves_nothing(
    app: Flask, client: FlaskClient, link: str
) -> None:
    with stored_user(app) as user:
        user.disabled = True
    assert client.get(link).status_code == 404
    assert client.post(link, json={"password": STRONG}).status_code == 404


def test_a_link_serves_only_what_it_was_mailed_for(
    client: FlaskClient, address: str, mails: Mails
) -> None:
    token = mailed_link(client, mails).rpartition("/")[2]
    client.post(REGISTER, json=REGISTRATION)
    other = link_in(mails(REGISTRATION["email"])[0]).rpartition("/")[2]
    for endpoint, secret, body in [
        ("confirmation.confirm", token, {"new_password": STRONG}),
        ("email_change.confirm", token, {}),
        ("email_change.confirm", other, {}),
        ("recovery.set_password", other, {"password": STRONG}),
        ("recovery.set_password", "x" * 43, {"password": STRONG}),
    ]:
        answer = client.post(routes.path_of(endpoint, token=secret), json=body)
        assert (endpoint, answer.status_code) == (endpoint, 404)


@pytest.mark.asvs("6.2.1", "6.2.4", "6.2.11", "6.2.12")
def test_a_poor_password_is_refused_and_leaves_the_link(
    client: FlaskClient, link: str, subtests: pytest.Subtests
) -> None:
    for case, password in poor_passwords(USERNAME, ADDRESS).items():
        with subtests.test(case):
            answer = client.post(link, json={"password": password})
            assert answer.status_code == 400
            assert password not in answer.text
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_an_address_gets_few_mails_an_hour_from_each_form(
    app: Flask, address: str, mails: Mails, clock: Wait
) -> None:
    """With the same answer, so that nobody learns how often it was asked for."""
    create_user(app, "grace")
    client = app.test_client()
    grace = log_in(client, username="grace")
    new = {**REGISTRATION, "username": "countess", "email": ADDRESS.upper()}
    forms: list[Callable[[], TestResponse]] = [
        lambda: forget(client),
        lambda: client.post(REGISTER, json=new),
        lambda: client.post(CHANGE_EMAIL, json={"email": ADDRESS}, headers=grace),
        lambda: client.post(CONFIRM, json={"email": ADDRESS}),
    ]
    answers = [form() for _ in range(mail_limits.LIMIT.amount + 1) for form in forms]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    sent = mails(ADDRESS)
    # A registration that is not there has no link to mail again.
    assert len(sent) == 3 * mail_limits.LIMIT.amount
    # The first link serves as long as no other is mailed.
    assert client.get(link_in(sent[0])).status_code == 200
    clock(mail_limits.LIMIT.get_expiry() + 1)
    forget(client)
    assert len(mails(ADDRESS)) == 1


def test_requests_that_mail_nothing_suppress_no_link(
    app: Flask, client: FlaskClient, address: str, mails: Mails, subtests: pytest.Subtests
) -> None:
    """An attacker could send them to keep the owner of an address out."""
    unknown = "grace@example.org"
    new = {**REGISTRATION, "email": unknown}
    for _ in range(mail_limits.LIMIT.amount):
        client.post(CONFIRM, json={"email": ADDRESS})
        client.post(CONFIRM, json={"email": unknown})
        forget(client, unknown)
    assert mails() == []
    for case, (path, body) in {
        "reset": (RESET, {"email": ADDRESS}),
        "register": (REGISTER, new),
        "confirm": (CONFIRM, {"email": unknown}),
    }.items():
        client.post(path, json=body)
        with subtests.test(case):
            [message] = mails(body["email"])
            assert client.get(link_in(message)).status_code == 200
    # Also of somebody who has an account only now.
    client.post(link_in(message), json={"password": STRONG})
    forget(client, unknown)
    *_, message = mails(unknown)
    assert client.get(link_in(message)).status_code == 200


def test_the_link_is_of_public_url_whatever_host_was_asked_for(
    app: Flask, client: FlaskClient, address: str, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "http://localhost")
    client.post(RESET, json={"email": ADDRESS}, base_url="http://127.0.0.1")
    [message] = mails()
    assert link_in(message).startswith("http://localhost/")
    assert "127.0.0.1" not in link_in(message)


@pytest.mark.asvs("16.5.3")
def test_password_and_logins_change_together_or_not_at_all(
    client: FlaskClient,
    credentials: Headers,
    link: str,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    for module, step in ((users, "replace_hash"), (logins, "end_all")):
        with subtests.test(step):
            with monkeypatch.context() as broken:
                broken.setattr(module, step, away)
                assert client.post(link, json={"password": STRONG}).status_code == 503
            assert can_log_in(client, PASSWORD)
            assert client.get(link).status_code == 200


def test_a_user_without_an_address_gets_no_link(
    app: Flask, client: FlaskClient, mails: Mails
) -> None:
    for email in ("nobody@localhost", "None@localhost"):
        assert forget(client, email).status_code == 200
    assert mails() == []
