"""The mails of development: files that another process shows, of which the oldest go."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from unittest.mock import Mock

import pytest
from flask import Flask
from secure_flask.accounts import development_mailbox, development_mails, send_mail, text_of_mail

from core.accounts.people import ADDRESS
from core.conftest import MakeApp


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> Iterator[Flask]:
    """An app of development in whose context the test runs."""
    app = make_app(TESTING=False)
    app.instance_path = str(tmp_path)
    with app.app_context():
        yield app


def report(name: str = "Your report") -> EmailMessage:
    """A mail of the owner's: as text, as HTML and with two files."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "shop@example.org", ADDRESS, name
    made.set_content("See http://localhost/report\n")
    made.add_alternative("<p>See the report</p>", subtype="html")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="report.pdf")
    made.add_attachment(b"\xff", maintype="application", subtype="octet-stream")
    return made


def test_the_text_of_a_mail_ends_with_the_names_of_its_files() -> None:
    text = "See http://localhost/report\n\n[report.pdf]\n[application/octet-stream]"
    assert text_of_mail(report()) == text


def test_a_command_prints_it_and_another_process_shows_it(make_app: MakeApp, app: Flask) -> None:
    other = make_app(TESTING=False)
    other.instance_path = app.instance_path

    @other.cli.command("report")
    def send_report() -> None:
        send_mail(report())

    printed = other.test_cli_runner().invoke(args=["report"])
    assert (printed.exit_code, "[report.pdf]" in printed.output) == (0, True)
    assert [mail["Subject"] for mail in development_mails()] == ["Your report"]


def test_of_the_files_of_mails_the_oldest_go(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(development_mailbox, "MAX_SHOWN", 2)
    for name in ("first", "second", "third"):
        send_mail(report(name))
    assert [mail["Subject"] for mail in development_mails()] == ["second", "third"]
    assert len([*Path(app.instance_path, "mails").iterdir()]) == 2


def test_a_mail_that_another_process_deletes_meanwhile_is_left_out(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_mail(report())
    monkeypatch.setattr(Path, "read_bytes", Mock(side_effect=FileNotFoundError))
    assert development_mails() == []
