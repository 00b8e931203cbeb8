"""Wrong codes: how many somebody may try, and that they do not lock the owner out."""

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import half_logins, networks, recovery_codes, wrong_codes
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from core import routes
from core.accounts.devices import AT_ONCE, STEP, at_once, code_of, wrong_code_of
from views.accounts.devices import (
    WAN_SECOND,
    add_app,
    add_passkey,
    add_recovery_codes,
    login_of,
    send_code,
    use,
)
from views.accounts.people import (
    RECOVERY,
    RESET,
    STRONG,
    TF_VALIDATE,
    Headers,
    begin_login,
    delivered,
    mailed_link,
    send,
)
from views.conftest import (
    LOGIN,
    PASSWORD,
    USERNAME,
    Lines,
    MakeApp,
    Wait,
    invalid_fields,
    is_logged_in,
    log_in,
    post,
    stored_user,
)

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"
SETUP = "127.0.0.1"  # of the client of the tests
LIMIT = 3  # wrong codes a day
DAY = 24 * 60 * 60  # seconds


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_codes, "MAX_WRONG_CODES", LIMIT)


def at(app: Flask, address: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return client


def try_code(
    app: Flask, code: str, address: str = ELSEWHERE, path: str = TF_VALIDATE, **login: str
) -> TestResponse:
    """Log in with a code from an address, in a browser of its own."""
    client = at(app, address)
    return send_code(client, begin_login(client, **login), code, path)


def use_up(app: Flask, secret: str, address: str = "", **login: str) -> None:
    """Try as many wrong codes as the limit allows, each from another address."""
    for last in range(1, LIMIT + 1):
        answer = try_code(app, wrong_code_of(secret), address or f"203.0.113.{last}", **login)
        assert answer.status_code == 401


def notices(app: Flask) -> list[EmailMessage]:
    return [each for each in delivered(app) if "wrong code" in str(each["Subject"])]


@pytest.mark.asvs("6.3.1")
def test_whoever_has_the_password_gets_few_wrong_codes_a_day_from_everywhere(
    app: Flask, secret: str, wait: Wait
) -> None:
    use_up(app, secret)
    answer = try_code(app, code_of(secret))
    assert (answer.status_code, '"token' in answer.text) == (429, False)
    assert 0 < int(answer.headers["Retry-After"]) <= DAY
    wait(DAY + 1)
    assert try_code(app, code_of(secret)).status_code == 200


def test_good_codes_do_not_count(app: Flask, secret: str, wait: Wait) -> None:
    with app.app_context():
        # As from a network that is not trusted, each time.
        for _ in range(LIMIT + 1):
            wait(STEP)
            db.session.execute(delete(networks.TrustedNetwork))
            db.session.commit()
            assert try_code(app, code_of(secret)).status_code == 200


@pytest.mark.asvs("6.3.1")
def test_parallel_guesses_get_no_more_than_the_limit(file_app: Flask, wait: Wait) -> None:
    client = file_app.test_client()
    secret = add_app(client, log_in(client))
    wait(STEP)
    clients = [at(file_app, ELSEWHERE) for _ in range(AT_ONCE)]
    halves = [begin_login(clients[0]) for _ in range(half_logins.MAX_HALF_LOGINS)]
    wrong = wrong_code_of(secret)
    answers = at_once(
        lambda each: (
            send_code(clients[each], halves[each % half_logins.MAX_HALF_LOGINS], wrong).status_code
        )
    )
    assert sorted(answers) == [401] * LIMIT + [429] * (AT_ONCE - LIMIT)


def test_the_count_survives_a_restart(make_app: MakeApp, tmp_path: Path, wait: Wait) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    first = make_app(database_url=url)
    client = first.test_client()
    secret = add_app(client, log_in(client))
    wait(STEP)
    use_up(first, secret)
    second = make_app(fill=False, database_url=url)
    assert try_code(second, code_of(secret)).status_code == 429


def test_a_network_where_the_app_was_set_up_has_a_count_of_its_own(
    app: Flask, secret: str, wait: Wait
) -> None:
    use_up(app, secret)
    assert try_code(app, code_of(secret), SETUP).status_code == 200
    # Which is a count too.
    use_up(app, secret, SETUP)
    wait(STEP)
    assert try_code(app, code_of(secret), SETUP).status_code == 429


@pytest.mark.asvs("6.3.1")
@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY])
def test_a_network_where_both_factors_were_right_has_a_count_of_its_own(
    path: str, app: Flask, client: FlaskClient, credentials: Headers, secret: str, wait: Wait
) -> None:
    code = code_of(secret) if path == TF_VALIDATE else add_recovery_codes(client, credentials)[0]
    assert try_code(app, code, HERE, path).status_code == 200
    use_up(app, secret)
    wait(STEP)
    assert try_code(app, code_of(secret), ELSEWHERE).status_code == 429
    assert try_code(app, code_of(secret), HERE).status_code == 200


def test_a_network_of_ipv6_is_trusted_as_a_whole(app: Flask, secret: str, wait: Wait) -> None:
    assert try_code(app, code_of(secret), "2001:db8:0:1::1").status_code == 200
    use_up(app, secret)
    wait(STEP)
    assert try_code(app, code_of(secret), "2001:db8:0:2::1").status_code == 429
    assert try_code(app, code_of(secret), "2001:db8:0:1::2").status_code == 200


def test_a_trust_of_long_ago_and_a_password_alone_make_no_network_trusted(
    app: Flask, secret: str, wait: Wait
) -> None:
    assert try_code(app, code_of(secret), HERE).status_code == 200
    wait(networks.TRUSTED_FOR)
    begin_login(at(app, HERE))
    use_up(app, secret)
    assert try_code(app, code_of(secret), HERE).status_code == 429


def by_the_user(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    body: dict[str, object] = {"current_password": PASSWORD, "new_password": STRONG}
    assert send(client, routes.PASSWORD, body, credentials).status_code == 200


def by_a_mailed_link(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    with stored_user(app) as user:
        send(client, RESET, {"email": user.email})
    assert send(client, mailed_link(app), {"password": STRONG}).status_code == 200


@pytest.mark.asvs("6.3.1")
@pytest.mark.parametrize(("change", "status"), [(by_the_user, 200), (by_a_mailed_link, 429)])
def test_a_new_password_begins_a_new_count_but_none_that_a_mail_set(
    change: Callable[[Flask, FlaskClient, Headers], None],
    status: int,
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    secret: str,
) -> None:
    """A reader of the mails could otherwise try more codes after each reset."""
    use_up(app, secret)
    change(app, client, credentials)
    assert try_code(app, code_of(secret), password=STRONG).status_code == status


def test_when_the_limit_is_met_recovery_codes_and_passkeys_let_the_owner_in(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    with stored_user(app) as user:
        recovery_codes.delete_recovery_codes(user)
    use_up(app, secret)
    assert try_code(app, "0").get_json()["error"] == "Too many wrong codes"
    code, *_ = add_recovery_codes(client, credentials)
    key = add_passkey(client, credentials)
    said = try_code(app, "0").get_json()["error"]
    assert said == "Too many wrong codes: a passkey or a recovery code still works"
    assert try_code(app, code, path=RECOVERY).status_code == 200
    stranger = at(app, ELSEWHERE)
    done = login_of(use(stranger, WAN_SECOND, key, None, **begin_login(stranger)))
    assert is_logged_in(stranger, done)


def test_a_page_says_for_how_many_hours_and_offers_the_recovery_code(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    add_recovery_codes(client, credentials)
    use_up(app, secret)
    stranger = at(app, ELSEWHERE)
    post(stranger, **LOGIN)
    page = post(stranger, TF_VALIDATE, code=code_of(secret))
    assert (page.status_code, invalid_fields(page.text)) == (429, ["code"])
    assert "a recovery code still works. Try again in 24 hours." in page.text
    assert f'href="{RECOVERY}"' in page.text
    assert 0 < int(page.headers["Retry-After"]) <= DAY


@pytest.mark.asvs("6.3.5")
@pytest.mark.parametrize("path", [TF_VALIDATE, RECOVERY])
def test_the_owner_gets_a_mail_about_wrong_codes_alone(
    path: str, app: Flask, client: FlaskClient, credentials: Headers, secret: str
) -> None:
    code = code_of(secret) if path == TF_VALIDATE else add_recovery_codes(client, credentials)[0]
    before = len(notices(app))
    assert try_code(app, code, path=path).status_code == 200
    assert len(notices(app)) == before
    assert try_code(app, "aaaa-aaaa", path=path).status_code == 401
    [mail] = notices(app)[before:]
    assert USERNAME in mail.get_content()


def test_the_log_says_who_met_the_limit(make_app: MakeApp, lines: Lines, wait: Wait) -> None:
    app = make_app(app_env="production", trusted_hosts=["localhost"])
    client = app.test_client()
    secret = add_app(client, log_in(client))
    use_up(app, secret)
    lines()
    assert try_code(app, wrong_code_of(secret)).status_code == 429
    [line] = [each for each in lines() if each.get("reason") == "second factor"]
    assert (line["event"], "account" in line) == ("authn_login_fail_max", True)


def test_the_database_names_no_network(app: Flask, secret: str) -> None:
    assert try_code(app, code_of(secret), HERE).status_code == 200
    with app.app_context():
        rows = db.session.execute(select(networks.TrustedNetwork.__table__)).all()
    assert len(rows) == 2
    assert HERE not in str(rows)
