"""What the mails say, and what a stranger's text in them cannot do."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask

from app.accounts.mail.mail_messages import InvalidRecipient, compose
from app.auth import clients
from tests.conftest import MakeApp

ADA = "ada@example.org"
LINK = "http://localhost/confirm/a-token?next=/a&b=1"
VALUES = {
    "link": LINK,
    "reset_page": "http://localhost/reset",
    "username": "ada",
    "lifetime": "2 hours",
    "what": "codes of an app are asked for",
    "name": "Ada's phone",
}
TEXTS = Path(__file__).parents[3] / "app/templates/mail"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"


@pytest.fixture(autouse=True)
def _in_request(app: Flask) -> Iterator[None]:
    with app.test_request_context(
        "/", headers={"User-Agent": FIREFOX}, environ_base={"REMOTE_ADDR": "203.0.113.9"}
    ):
        yield


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_each_text_is_a_mail_with_its_values_in_both_parts(subtests: pytest.Subtests) -> None:
    for file in TEXTS.glob("[!_]*.txt"):
        message = compose(ADA, file.stem, VALUES)
        text, page = part(message, "plain"), part(message, "html")
        source = file.read_text("utf-8")
        with subtests.test(file.stem):
            assert message["Subject"]
            assert not text.startswith(message["Subject"] + "\n")
            named = re.findall(r"[{]{2} (\w+)", source)
            assert [name for name in named if VALUES.get(name, "") not in text] == []
            if "link" in named:
                assert f'href="{LINK.replace("&", "&amp;")}"' in page


def test_a_notice_says_when_and_by_which_client(subtests: pytest.Subtests) -> None:
    for file in TEXTS.glob("[!_]*.txt"):
        if "mail/_notice.txt" in file.read_text("utf-8"):
            text = part(compose(ADA, file.stem, VALUES), "plain")
            with subtests.test(file.stem):
                assert str(clients.describe()) in text
                assert f"{datetime.now(UTC):%Y-%m-%d}" in text


def test_the_headers_are_those_of_an_automatic_mail(make_app: MakeApp) -> None:
    sender = "Zoë's shop <no-reply@shop.example>"
    with make_app(mail_from=sender).test_request_context():
        message = compose(ADA, "reset", VALUES)
    assert str(message["From"]) == sender
    assert str(message["To"]) == ADA
    assert message["Message-ID"].endswith("@shop.example>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert abs(datetime.now(UTC) - message["Date"].datetime) < timedelta(minutes=1)
    assert message.get_content_type() == "multipart/alternative"
    assert message.as_bytes().isascii()


def test_a_value_adds_no_header_no_recipient_and_no_paragraph() -> None:
    plain = part(compose(ADA, "reset", VALUES), "plain")
    hostile = {**VALUES, "username": "x\r\n\r\nBcc: eve@example.org\n\nVisit us"}
    message = compose(ADA, "reset", hostile)
    assert message.keys() == compose(ADA, "reset", VALUES).keys()
    assert part(message, "plain").count("\n\n") == plain.count("\n\n")


def test_a_value_adds_no_markup_and_no_link() -> None:
    for name in ("<img src=x>", "https://evil.example/"):
        page = part(compose(ADA, "passkey_added", {**VALUES, "name": name}), "html")
        assert "<img" not in page
        assert 'href="https://evil' not in page


def test_a_mail_to_a_new_address_holds_no_text_of_whoever_gave_it() -> None:
    hostile = {**VALUES, "username": "Win a phone at evil.example"}
    for template in ("confirm", "change_email"):
        assert "Win" not in part(compose(ADA, template, hostile), "plain")


def test_an_odd_recipient_is_one_address_or_is_refused(subtests: pytest.Subtests) -> None:
    for address in (
        "a,b@example.org",
        "a@b,c@example.org",
        "<a>@example.org",
        "jörg@bücher.example",
    ):
        with subtests.test(address):
            [sent_to] = compose(address, "reset", VALUES)["To"].addresses
            assert (sent_to.username, sent_to.domain) == tuple(address.rsplit("@", 1))
    for address in ("", "ada", "@example.org", "ada@", "ada@b>c", "ada@b,c", "a\r\nb@example.org"):
        with subtests.test(address), pytest.raises(InvalidRecipient):
            compose(address, "reset", VALUES)


def test_an_encoded_recipient_is_not_decoded_into_headers(subtests: pytest.Subtests) -> None:
    for encoded in ("a=0D=0ABcc:eve=40example.net=0D=0AX:", "ada=40example.net=2C", "ada"):
        for address in (f"=?utf-8?q?{encoded}?=@example.org", f"a.=?utf-8?q?{encoded}?=@b.org"):
            with subtests.test(address), pytest.raises(InvalidRecipient):
                compose(address, "reset", VALUES)
