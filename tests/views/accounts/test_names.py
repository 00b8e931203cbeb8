"""Names: none that looks like another one, whoever gives it, and everybody may change theirs."""

import sys
import unicodedata

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import checked_name
from secure_flask.accounts.names import folded_name
from secure_flask.accounts.outbox import Mail
from secure_flask.auth import throttle
from sqlalchemy import select

from core import routes
from core.accounts.observing import counted_attempts
from views.accounts.people import (
    ADDRESS,
    STRONG,
    Headers,
    can_log_in,
    delivered,
    give_address,
    send,
)
from views.conftest import (
    PASSWORD,
    USERNAME,
    MakeApp,
    add_user,
    every_token_type,
    grow_old,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
)

CHANGE = "/change-username"
# Source: Unicode 16, DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
IGNORABLE = [
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
    *(*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F)),
    *(*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9)),
    *(*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
]


def is_refused(name: str) -> bool:
    try:
        checked_name(name)
    except ValueError:
        return True
    return False


def test_no_name_holds_what_nobody_sees(app: Flask) -> None:
    unseen = [
        *map(chr, IGNORABLE),
        "\u2800",
        "\U0001d159",
        "\ue000",
        "\U0010fffd",
        "\u0378",
        "\0",
        "\x85",
        "\u2028",
    ]
    with app.app_context():
        assert [hex(ord(each)) for each in unseen if not is_refused(f"ad{each}a")] == []
        assert all(
            map(is_refused, ["", " ", "\u3000", "a@b", "a\uff20b", "x" * 151, "\ufdfa" * 10])
        )


def test_no_character_makes_a_name_that_cannot_be_stored(app: Flask) -> None:
    """Each is refused, or becomes a text that is taken as it is, whose folded form is short."""
    with app.app_context():
        for number in range(0x3000, sys.maxunicode + 1, 7):
            name = f"ad{chr(number)}a"
            if not is_refused(name):
                assert checked_name(checked_name(name)) == checked_name(name)
                assert len(folded_name(name)) <= 4 * len(checked_name(name))


@pytest.mark.parametrize("name", ["Zoë", "Ада Лавлейс", "李小龍", "O'Brien", "ada_1-2.3", "🦉 owl"])
def test_names_of_all_languages_are_kept(app: Flask, name: str) -> None:
    with app.app_context():
        assert checked_name(name) == unicodedata.normalize("NFKC", name)


@pytest.mark.parametrize(
    "same", ["GRACE  Hopper", " grace hopper\u3000", "\uff47race hopper", "grace\u00a0hopper"]
)
def test_spellings_of_a_name_log_in_the_same_user_and_are_taken(
    app: Flask, client: FlaskClient, credentials: Headers, same: str
) -> None:
    add_user(app, "Grace Hopper")
    assert can_log_in(app.test_client(), same, PASSWORD)
    answer = send(client, CHANGE, {"username": same}, credentials)
    assert (answer.status_code, answer.get_json()["fields"].keys()) == (409, {"username"})


@pytest.mark.parametrize("name", ["admin", "ADMIN", "Ro\uff4ft", " security "])
def test_names_of_those_who_run_the_site_are_reserved_for_an_operator(
    app: Flask, client: FlaskClient, credentials: Headers, name: str
) -> None:
    answer = send(client, CHANGE, {"username": name}, credentials)
    assert answer.get_json()["fields"] == {"username": "This name is reserved: choose another"}
    result = app.test_cli_runner().invoke(
        args=["user", "create", name, "--password-stdin"], input=STRONG
    )
    assert result.exit_code == 0, result.output
    assert can_log_in(client, name)


def test_the_policy_says_which_names_are_reserved(make_app: MakeApp) -> None:
    with make_app(RESERVED_NAMES=["Boss"]).app_context():
        assert (is_refused("bOSS"), is_refused("admin")) == (True, False)


@pytest.mark.parametrize("name", ["ada@example.org", "gr\u200bace", "x" * 151])
def test_an_operator_makes_no_user_whose_name_cannot_be_used(app: Flask, name: str) -> None:
    result = app.test_cli_runner().invoke(args=["user", "create", name])
    assert (result.exit_code, "Traceback" in result.output) == (1, False)


# Another name.


@pytest.mark.asvs("6.3.7")
@every_token_type
def test_a_user_changes_the_name_and_is_told_by_mail(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    give_address(app)
    answer = send(client, CHANGE, {"username": "countess"}, credentials)
    assert (answer.status_code, answer.get_json()) == (200, {"username": "countess"})
    assert is_logged_in(client, credentials)
    logs_in = [can_log_in(client, name, PASSWORD) for name in (USERNAME, "Countess", ADDRESS)]
    assert logs_in == [False, True, True]
    [notice] = delivered(app)
    assert notice["To"] == ADDRESS
    assert all(name in notice.get_content() for name in (USERNAME, "countess"))


def test_it_is_changed_by_a_form(app: Flask, client: FlaskClient) -> None:
    add_user(app, "grace")
    log_in_by_form(client)
    assert f'href="{CHANGE}"' in client.get("/account").text
    for wrong in ("", "a@b", "GRACE", "admin"):
        page = post(client, CHANGE, username=wrong)
        assert (page.status_code, invalid_fields(page.text)) == (422, ["username"])
    done = post(client, CHANGE, username="countess")
    assert (done.status_code, "countess" in done.text) == (200, True)
    grow_old(app)
    assert post(client, CHANGE, username="ada").status_code == 303


def test_notices_of_the_longest_names_can_be_stored(app: Flask, client: FlaskClient) -> None:
    """PostgreSQL refuses a text that is longer than its column; SQLite does not."""
    give_address(app)
    log_in_by_form(client)
    for name in ("a" * 150, "b" * 150, "c" * 150):
        assert post(client, CHANGE, username=name).status_code == 200
    with app.app_context():
        notices = db.session.scalars(select(Mail.notice)).all()
    longest = Mail.__table__.c.notice.type.length  # type: ignore[attr-defined]
    assert max(len(notice or "") for notice in notices) <= longest


@pytest.mark.asvs("2.4.1")
def test_nobody_tries_many_names(make_app: MakeApp) -> None:
    app = make_app(login_rate_limit="3 per minute")
    add_user(app, "grace")
    client = log_in_by_form(app.test_client())
    taken = [send(client, CHANGE, {"username": "grace"}).status_code for _ in range(4)]
    assert taken == [409, 409, 409, 429]


@pytest.mark.parametrize("name", [USERNAME, "nobody", "nobody@example.org"])
def test_guesses_count_the_same_for_all_spellings_of_known_and_unknown_names(
    app: Flask, client: FlaskClient, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the limit of an account tells whether there is one."""
    counted = counted_attempts(monkeypatch)
    for spelling in (name, name.upper(), f" {name}"):
        assert not can_log_in(client, spelling)
    assert len(counted) == 1


@pytest.mark.parametrize(
    "other",
    ["{}@example\u3002org", "{}\uff20example.org", "{}@example.org\u1680", "\u1680{}@example.org"],
    ids=ascii,
)
def test_no_spelling_of_an_address_counts_otherwise_where_it_is_known(
    app: Flask, client: FlaskClient, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_address(app)
    counts = []
    for name in ("ada.lovelace", "nobody"):
        counted = counted_attempts(monkeypatch)
        for spelling in (f"{name}@example.org", other.format(name)):
            can_log_in(client, spelling)
        counts.append(len(counted))
    assert counts[0] == counts[1]


def test_the_limit_does_not_tell_which_address_belongs_to_a_name(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "WIDE", 2)
    app = make_app(login_rate_limit="2 per minute")
    give_address(app)
    client = app.test_client()

    def tries(name: str, *addresses: str) -> list[int]:
        answers = []
        for client.environ_base["REMOTE_ADDR"] in addresses:
            body = {"username": name, "password": STRONG}
            answers.append(send(client, routes.LOGIN, {**body}).status_code)
        return answers

    # From then on each network may try once more.
    everywhere = [f"198.51.100.{last}" for last in range(1, 5)]
    assert tries(USERNAME, *everywhere) == [401] * 4
    assert tries(USERNAME, "192.0.2.1", "192.0.2.1") == [401, 429]
    for number, address in enumerate([ADDRESS, "nobody@example.org"], start=2):
        assert tries(address, *[f"192.0.2.{number}"] * 2) == [401, 401]
