"""What the mails say, and what a stranger's text in them cannot do."""

import re
from email.message import EmailMessage

import pytest
from flask import Flask
from secure_flask.accounts import outbox
from secure_flask.accounts.outbox import BUILDERS, OutgoingMail

from core.accounts.people import waiting_change
from views import PROJECT
from views.accounts.people import ADDRESS, REGISTER, REGISTRATION, delivered, give_address, send
from views.conftest import MakeApp, stored_user

TEXTS = [file.stem for file in (PROJECT / "app/templates/accounts/mail").glob("[!_]*.txt")]
SENDER = "Zoë's shop <no-reply@shop.example>"
HOSTILE = "x\r\n\r\nBcc: eve@example.org\n\nVisit evil.example"
WIDTH = 72  # characters
NOT_YOU = re.compile(r"(Not you|Was this you|Did not ask)")
VALUES = {
    "username": "ada",
    "change": "A passkey was added",
    "name": "backup",
    "old": "countess",
    "client": "Firefox on Linux, 203.0.113.*",
    "link": "http://localhost/reset/a-token?next=/a&b=1",
}


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app(mail_from=SENDER, public_url="http://localhost")
    give_address(app)
    return app


def built(
    app: Flask, monkeypatch: pytest.MonkeyPatch, text: str, **changes: object
) -> EmailMessage:
    """The mail of a text, with all values that any of them has."""
    values = {**VALUES, "number": 1, **changes}
    monkeypatch.setitem(BUILDERS, "probe", lambda mail: (ADDRESS, text, values))
    with app.app_context():
        made = outbox.build_message(OutgoingMail(kind="probe", email=ADDRESS))
    assert made is not None
    return made


@pytest.mark.parametrize("text", TEXTS)
def test_each_mail_says_who_sends_it_its_values_and_what_to_do_if_it_was_not_you(
    app: Flask, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    message = built(app, monkeypatch, text)
    source = (PROJECT / f"app/templates/accounts/mail/{text}.txt").read_text("utf-8")
    said = message["Subject"] + message.get_content()
    named = re.findall(r"[{]{2} (\w+)", source)
    assert [name for name in named if VALUES.get(name, "") not in said] == []
    first, *parts, end = message.get_content().strip().split("\n\n")
    site = app.config["PROJECT_NAME"]
    assert (site in message["Subject"], site in first) == (True, True)
    assert end.splitlines() == [site, "http://localhost"]
    assert len([part for part in parts if NOT_YOU.match(part)]) == 1
    lines = message.get_content().splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []
    # A link stands alone.
    assert [line for line in lines if "http" in line and " " in line] == []
    # A value adds no header and no recipient.
    hostile = built(app, monkeypatch, text, username=HOSTILE, change=HOSTILE)
    assert (hostile.keys(), str(hostile["To"])) == (message.keys(), ADDRESS)


def test_a_joined_notice_says_how_many_times(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    failed, logins = (
        [built(app, monkeypatch, text, number=number).get_content() for number in (1, 6)]
        for text in ("code_failed", "new_login")
    )
    assert ["times" in failed[0], "6 times" in failed[1]] == [False, True]
    # Beside the login that is described.
    shown = [mail.splitlines()[3] for mail in logins]
    assert shown == [VALUES["client"], f"{VALUES['client']}, and 5 more"]


def test_the_headers_are_those_of_an_automatic_mail(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = built(app, monkeypatch, "reset")
    assert str(message["From"]) == SENDER
    assert message["Message-ID"].endswith("@localhost>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.as_bytes().isascii()


def test_a_mail_to_a_new_address_holds_no_text_of_the_stranger_who_gave_it(app: Flask) -> None:
    name = "Win a phone at evil.example"
    send(app.test_client(), REGISTER, {**REGISTRATION, "username": name})
    with stored_user(app) as user:
        user.name = name
        step = waiting_change(user, "new@example.org")
        outbox.add_link("change_email", "new@example.org", step=step)
    mails = delivered(app)
    assert {mail["To"] for mail in mails} == {REGISTRATION["email"], "new@example.org"}
    assert not any("evil.example" in mail["Subject"] + mail.get_content() for mail in mails)
