"""Wrong codes: how many somebody may try, and that they do not lock the owner out."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import parse
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.accounts import pending
from app.accounts.factors import second_factor_limits
from app.accounts.factors.second_factor_limits import TRUSTED_FOR, TrustedNetwork
from app.db import db
from tests import routes
from tests.accounts.conftest import Mails
from tests.accounts.factors.software_passkeys import add_passkey, log_in_by_passkey
from tests.accounts.people import (
    ADDRESS,
    RECOVERY,
    RESET,
    STRONG,
    TF_VALIDATE,
    TOTP_STEP,
    Headers,
    add_recovery_codes,
    begin_login,
    code_of,
    link_in,
    wrong_code_of,
)
from tests.accounts.test_login import set_password
from tests.conftest import PASSWORD, MakeApp, Wait, without_error_pages

pytestmark = pytest.mark.usefixtures("unhurried")

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"
LIMIT = 3  # wrong codes a day
DAY = 24 * 60 * 60  # seconds


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp) -> Flask:
    """Without error pages of yours, which may lack Retry-After."""
    return without_error_pages(make_app())


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_factor_limits, "LIMIT", parse(f"{LIMIT} per day"))


def try_code(
    app: Flask, code: str, address: str = ELSEWHERE, path: str = TF_VALIDATE, **login: str
) -> TestResponse:
    """Log in with a code from an address, in a browser of its own."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return client.post(path, json={**begin_login(client, **login), "code": code})


def addresses() -> Iterator[str]:
    return (f"203.0.113.{last}" for last in range(1, 255))


def use_up(app: Flask, secret: str, address: str | None = None, **login: str) -> list[int]:
    """The answers to as many wrong codes as the limit allows, each from another address."""
    several = addresses()
    return [
        try_code(app, wrong_code_of(secret), address or next(several), **login).status_code
        for _ in range(LIMIT)
    ]


@pytest.mark.asvs("6.3.1")
def test_whoever_has_the_password_gets_few_wrong_codes_a_day_from_everywhere(
    app: Flask, secret: str, clock: Wait
) -> None:
    assert use_up(app, secret) == [401] * LIMIT
    answer = try_code(app, code_of(secret))
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= DAY
    assert '"token"' not in answer.text
    clock(DAY + 1)
    assert try_code(app, code_of(secret)).status_code == 200


def test_good_codes_do_not_count(app: Flask, secret: str, clock: Wait) -> None:
    for _ in range(LIMIT + 1):
        clock(TOTP_STEP)
        assert try_code(app, code_of(secret)).status_code == 200


@pytest.mark.asvs("6.3.1")
def test_networks_from_which_the_owner_logged_in_have_a_count_of_their_own(
    app: Flask, secret: str, clock: Wait
) -> None:
    assert try_code(app, code_of(secret), HERE).status_code == 200
    use_up(app, secret)
    clock(TOTP_STEP)
    assert try_code(app, code_of(secret), ELSEWHERE).status_code == 429
    assert try_code(app, code_of(secret), HERE).status_code == 200
    # Which is a count too.
    assert use_up(app, secret, HERE) == [401] * LIMIT
    clock(TOTP_STEP)
    assert try_code(app, code_of(secret), HERE).status_code == 429


def test_a_network_of_ipv6_is_trusted_as_a_whole(app: Flask, secret: str, clock: Wait) -> None:
    assert try_code(app, code_of(secret), "2001:db8:0:1::1").status_code == 200
    use_up(app, secret)
    clock(TOTP_STEP)
    assert try_code(app, code_of(secret), "2001:db8:0:1::2").status_code == 200
    assert try_code(app, code_of(secret), "2001:db8:0:2::1").status_code == 429


def test_a_password_alone_or_a_trust_of_long_ago_makes_no_network_trusted(
    app: Flask, secret: str, clock: Wait
) -> None:
    assert try_code(app, code_of(secret), HERE).status_code == 200
    clock(TRUSTED_FOR)
    use_up(app, secret)
    assert try_code(app, code_of(secret), HERE).status_code == 429


def by_an_operator(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    set_password(app, STRONG)


def by_the_user(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    body = {"current_password": PASSWORD, "new_password": STRONG}
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 200


@pytest.mark.parametrize("change", [by_an_operator, by_the_user])
def test_a_new_password_begins_a_new_count(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    secret: str,
    change: Callable[[Flask, FlaskClient, Headers], None],
) -> None:
    use_up(app, secret)
    change(app, client, credentials)
    assert try_code(app, code_of(secret), password=STRONG).status_code == 200


@pytest.mark.asvs("6.3.1")
def test_a_mailed_reset_begins_no_new_count(
    app: Flask, secret: str, stranger: FlaskClient, mails: Mails
) -> None:
    """A reader of the mails could otherwise try more codes after each reset."""
    use_up(app, secret)
    mails()
    stranger.post(RESET, json={"email": ADDRESS})
    [message] = mails(ADDRESS)
    assert stranger.post(link_in(message), json={"password": STRONG}).status_code == 200
    assert try_code(app, code_of(secret), password=STRONG).status_code == 429


def test_recovery_codes_and_passkeys_let_the_owner_in_when_the_limit_is_met(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, mails: Mails
) -> None:
    code, *_ = add_recovery_codes(client, credentials)
    key = add_passkey(client, credentials, usage="secondary")
    use_up(app, secret)
    mails()
    assert try_code(app, "aaaa-aaaa", path=RECOVERY).status_code == 401
    assert len(mails()) == 1
    assert try_code(app, code, path=RECOVERY).status_code == 200
    stranger = app.test_client()
    half = begin_login(stranger)
    assert log_in_by_passkey(stranger, key, **half).status_code == 200


@pytest.mark.asvs("6.3.5")
def test_the_owner_learns_of_each_wrong_code(
    app: Flask, secret: str, address: str, mails: Mails
) -> None:
    assert try_code(app, wrong_code_of(secret)).status_code == 401
    assert len(mails(address)) == 1
    assert try_code(app, code_of(secret)).status_code == 200
    assert mails() == []


def test_wrong_recovery_codes_send_few_mails_a_day(
    app: Flask, secret: str, address: str, mails: Mails
) -> None:
    several = addresses()
    for _ in range(LIMIT + 2):
        assert try_code(app, "aaaa-aaaa", next(several), RECOVERY).status_code == 401
    assert len(mails(address)) == LIMIT


def test_five_wrong_codes_end_the_half_login(
    app: Flask, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_factor_limits, "LIMIT", parse("20 per day"))
    client = app.test_client()
    half = begin_login(client)
    wrong = {**half, "code": wrong_code_of(secret)}
    tried = [client.post(TF_VALIDATE, json=wrong) for _ in range(pending.MAX_FAILURES)]
    assert {answer.status_code for answer in tried} == {401}
    answer = client.post(TF_VALIDATE, json={**half, "code": code_of(secret)})
    assert answer.status_code == 401
    assert try_code(app, code_of(secret)).status_code == 200


def test_the_database_names_no_network(app: Flask, secret: str) -> None:
    assert try_code(app, code_of(secret), HERE).status_code == 200
    with app.app_context():
        rows = db.session.execute(select(TrustedNetwork.__table__)).all()
    assert rows
    assert HERE not in str(rows)
