"""`flask mail`, `flask user mail-link`: an operator sends what waits, and mails a link."""

from functools import partial

import pytest
from flask import Flask
from secure_flask import Role, create_user, db
from secure_flask.accounts import commands, outbox, recovery
from secure_flask.accounts.mail_limits import PER_ADDRESS
from secure_flask.accounts.worker import MailSlots

from core.accounts.people import (
    ADDRESS,
    STRONG,
    has_password,
    run_command,
    set_address,
    status_of,
    token_in,
    user_of,
)
from core.conftest import PASSWORD, USERNAME, Configure, MakeApp
from core.standing_clock import clock
from services.mail_servers import MailServer


@pytest.fixture
def app(make_app: MakeApp, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """One that waits for no slot to end."""
    slots = partial(MailSlots, wait=clock.wait, clock=clock.now)
    monkeypatch.setattr(commands, "MailSlots", slots)
    app = make_app(mail_url=server.url)
    with app.app_context():
        set_address(ADDRESS)
    return app


def ask(app: Flask, times: int = 1) -> None:
    with app.app_context():
        for _ in range(times):
            outbox.add_link("reset", ADDRESS)
        outbox.add_link("confirm", "nobody@example.org")
        db.session.commit()


def test_what_waits_is_counted_by_kind_and_sent(app: Flask, server: MailServer) -> None:
    ask(app, 2)
    assert run_command(app, "mail", "status").stdout.split() == [
        *("confirm", "1"),
        *("reset", "2"),
        *("waiting", "3"),
    ]
    assert "Sent 2, waiting 0" in run_command(app, "mail", "send").stdout
    assert len(server.all()) == 2
    assert run_command(app, "mail", "status").stdout.split() == ["waiting", "0"]


@pytest.mark.asvs("6.4.1")
def test_a_user_sets_the_password_by_the_mailed_link_once(app: Flask, server: MailServer) -> None:
    result = run_command(app, "user", "mail-link", USERNAME)
    assert result.exit_code == 0
    mail = server.next()
    token = token_in(mail)
    assert (mail["To"], token in result.output) == (ADDRESS, False)
    with app.test_request_context():
        recovery.reset_password(token, STRONG)
        assert has_password(USERNAME)
        assert status_of(recovery.reset_password, token, STRONG) == 404


def test_no_stranger_keeps_an_operator_from_mailing_a_link(app: Flask, server: MailServer) -> None:
    ask(app, PER_ADDRESS)
    run_command(app, "mail", "send")
    assert run_command(app, "user", "mail-link", USERNAME).exit_code == 0
    assert len(server.all()) == PER_ADDRESS + 1


def test_a_link_that_is_not_mailed_is_an_error_in_one_sentence(
    app: Flask, server: MailServer
) -> None:
    server.answers["RCPT"] = f"550 No {ADDRESS} here"
    refused = run_command(app, "user", "mail-link", USERNAME)
    with app.app_context():
        user_of().disabled = True
        db.session.commit()
        disabled = run_command(app, "user", "mail-link", USERNAME)
        set_address(None)
    unknown = run_command(app, "user", "mail-link", USERNAME)
    results = {"SMTPRecipientsRefused": refused, "disabled": disabled, "no e-mail address": unknown}
    ends = {words: (each.exit_code, each.output.count("\n")) for words, each in results.items()}
    assert ends == dict.fromkeys(results, (1, 1))
    assert [words for words, each in results.items() if words not in each.output] == []
    assert [words for words, each in results.items() if ADDRESS in each.output] == []
    assert server.envelopes == []


def test_a_printed_command_quotes_what_a_shell_would_run_of_a_name(
    app: Flask, configure: Configure
) -> None:
    """People choose their names, and an operator copies the command."""
    configure(app, SECOND_FACTOR_ROLES=["boss"])
    with app.app_context():
        user = create_user("$(id)", PASSWORD)
        db.session.add(Role(name="boss"))
        db.session.commit()
        without_address = run_command(app, "user", "mail-link", "$(id)").output
        user.email, user.disabled = "eve@example.org", True
        db.session.commit()
    disabled = run_command(app, "user", "mail-link", "$(id)").output
    demanding = run_command(app, "user", "roles", "$(id)", "boss").output
    assert "flask user email '$(id)' ADDRESS" in without_address
    assert "flask user enable '$(id)'" in disabled
    assert "flask user factors '$(id)' --invite" in demanding
