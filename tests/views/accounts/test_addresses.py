"""E-mail addresses: what can be written and what can be mailed is one check, for everybody."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.accounts import checked_address

from app.login import MAX_USERNAME
from core import routes
from views.accounts.people import (
    CONFIRM,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    can_log_in,
    delivered,
    give_address,
    mailed_link,
    register,
    registered_link,
    send,
)
from views.conftest import PASSWORD, USERNAME, add_user, invalid_fields, post, stored_user

LONGEST = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.org"
REFUSED = [
    *("grace", "@example.org", "grace@", "grace@example", "a b@example.org", "a@b@example.org"),
    *(
        "grace@exam ple.org",
        "grace@-a.org",
        "grace@.org",
        "grace@example..org",
        "grace@[127.0.0.1]",
    ),
    *("Grace <grace@example.org>", "<script>@x.org, b@example.org", '"a b"@example.org'),
    *("gräce@example.org", "grace@ex\u200bample.org", "a" * 65 + "@example.org"),
    *("grace@example.org\u2028", "=?utf-8?q?a?=@b@example.org", f"a@{'b.' * 130}org"),
]


@pytest.mark.parametrize("address", REFUSED)
def test_what_no_mail_can_be_sent_to_is_refused(
    app: Flask, client: FlaskClient, address: str
) -> None:
    for path in (REGISTER, CONFIRM, RESET):
        body = {**REGISTRATION, "email": address} if path == REGISTER else {"email": address}
        assert send(client, path, {**body}).get_json()["fields"].keys() == {"email"}
        assert invalid_fields(post(client, path, **body).text) == ["email"]
    result = app.test_cli_runner().invoke(args=["user", "email", USERNAME, address])
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
    assert delivered(app) == []


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("grace@example.org", "grace@example.org"),
        (" Grace+tag@EXAMPLE.org ", "Grace+tag@example.org"),
        ("grace@münchen.de", "grace@xn--mnchen-3ya.de"),
        ("grace@straße.de", "grace@xn--strae-oqa.de"),
        ("grace@strasse.de", "grace@strasse.de"),
        ("o'brien@sub.example.co", "o'brien@sub.example.co"),
        (LONGEST, LONGEST),
    ],
)
def test_whoever_gets_the_mail_logs_in_by_what_was_typed(
    app: Flask, client: FlaskClient, typed: str, stored: str
) -> None:
    assert checked_address(typed) == stored
    link = registered_link(app, client, email=typed)
    assert delivered(app)[-1]["To"] == stored
    assert send(client, link, {"password": STRONG}).status_code == 200
    assert all(can_log_in(client, each) for each in {typed, stored, stored.upper()})
    assert "Username or e-mail address" in client.get(routes.LOGIN).text
    assert len(LONGEST) <= MAX_USERNAME


def test_addresses_that_only_look_alike_to_case_folding_are_two(
    app: Flask, client: FlaskClient
) -> None:
    """Whoever owns the one domain must not get the mails of the other."""
    for name, address in (("ada", "ada@strasse.de"), ("grace", "ada@straße.de")):
        args = ["user", "create", name, "--email", address, "--password-stdin"]
        if name == USERNAME:
            args = ["user", "email", name, address]
        result = app.test_cli_runner().invoke(args=args, input=PASSWORD)
        assert result.exit_code == 0, result.output
    for address, name in (("ada@strasse.de", "ada"), ("ADA@STRAßE.de", "grace")):
        send(client, RESET, {"email": address})
        assert f"account {name} " in " ".join(delivered(app)[-1].get_content().split())


def test_an_operator_gives_no_address_twice(app: Flask) -> None:
    add_user(app, "grace")
    give_address(app, "grace@example.org", "grace")
    for args in (["email", USERNAME], ["create", "thief", "--email"]):
        command = ["user", *args, "GRACE@example.org"]
        result = app.test_cli_runner().invoke(args=command)
        assert (result.exit_code, "Traceback" in result.output) == (1, False), result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
    with stored_user(app) as user:
        assert user.email is None


def test_the_case_of_an_address_makes_no_second_account(app: Flask, client: FlaskClient) -> None:
    email = REGISTRATION["email"]
    assert send(client, registered_link(app, client), {"password": STRONG}).status_code == 200
    register(client, email=email.title(), username="another")
    assert "/reset/" in mailed_link(app)
