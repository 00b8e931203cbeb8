"""`flask check` of accounts: mail that does not go, passkeys and roles, tables that keep users."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from secure_flask import Model, db, roles_required, testing
from secure_flask.accounts import checks, notices, outbox, worker
from secure_flask.checks import CHECKS
from sqlalchemy import Column, ForeignKey, Integer, Table, Uuid
from sqlalchemy.orm import Mapped, declarative_base, mapped_column

from core.accounts import full_accounts
from core.accounts.people import ADDRESS, IN_PRODUCTION, set_address, user_of
from core.accounts.site import User
from core.conftest import MakeApp, Wait
from services import mail_servers

UNREACHABLE, WAITING, USED_UP = "mail.unreachable", "mail.waiting", "mail.limit-reached"
WITHOUT_FACTOR = "accounts.role-without-second-factor"


def found(app: Flask, finding_id: str) -> list[str]:
    with app.app_context():
        findings = CHECKS[finding_id].find_findings(app)
    assert all(finding.message and finding.hint for finding in findings)
    return [finding.message for finding in findings]


def test_a_mail_server_that_is_away_or_refuses_is_reported(make_app: MakeApp) -> None:
    with mail_servers.running() as server:
        assert found(make_app(mail_url=server.url), UNREACHABLE) == []
        server.answers["CONNECT"] = "554 Not from there"
        [message] = found(make_app(mail_url=server.url), UNREACHABLE)
    assert "SMTPConnectError 554" in message
    [message] = found(make_app(**IN_PRODUCTION), UNREACHABLE)
    assert "ConnectionRefusedError" in message
    # Development shows its mails.
    assert found(make_app(), UNREACHABLE) == []


def test_mails_that_wait_for_long_are_reported(make_app: MakeApp, wait: Wait) -> None:
    app = make_app(mail_url="smtp://localhost:1")
    with app.app_context():
        set_address(ADDRESS)
        outbox.add_link("reset", ADDRESS)
        db.session.commit()
        wait(14 * 60)
        worker.send_due_mails()
    assert found(app, WAITING) == []
    wait(2 * 60)
    [message] = found(app, WAITING)
    assert message.startswith("1 ")


def test_mails_that_wait_because_the_site_has_sent_its_share_are_reported_at_once(
    make_app: MakeApp,
) -> None:
    app = make_app(mails_per_hour=10)
    with app.app_context():
        for number in range(11):
            outbox.add_link("confirm", f"stranger{number}@example.org")
        db.session.commit()
        assert found(app, USED_UP) == []
        worker.send_due_mails()
    [message] = found(app, USED_UP)
    assert message.startswith("3 ")
    assert found(app, WAITING) == []


def test_notices_that_wait_for_the_end_of_an_hour_are_none(
    app: Flask, user: User, wait: Wait
) -> None:
    for _ in range(3):
        notices.code_failed(user)
    worker.send_due_mails()
    wait(outbox.HOUR - 60)
    assert worker.count_waiting_mails() == 1
    assert found(app, WAITING) == []


def test_passkeys_of_another_host_are_reported(app: Flask) -> None:
    assert found(app, "passkeys.other-host") == []
    with app.app_context():
        db.session.add(full_accounts.passkey(user_of(), host="old.example.org"))
        db.session.commit()
    [message] = found(app, "passkeys.other-host")
    assert message.startswith("1 ")


@pytest.fixture
def with_role(make_app: MakeApp) -> Callable[..., Flask]:
    """An app with a view of a role."""

    def make(*with_factor: str) -> Flask:
        app = make_app(SECOND_FACTOR_ROLES=[*with_factor])
        app.add_url_rule("/probe", view_func=roles_required("boss", "editor")(lambda: ""))
        return app

    return make


def test_a_role_for_which_a_password_is_enough_is_named(with_role: Callable[..., Flask]) -> None:
    [message] = found(with_role("editor"), WITHOUT_FACTOR)
    assert "boss" in message
    assert found(with_role("boss", "editor"), WITHOUT_FACTOR) == []


@pytest.fixture
def bills() -> Iterator[None]:
    """A table that refers to users in each way."""
    actions = ("CASCADE", "SET NULL", None, "RESTRICT")
    columns = [
        Column(f"user_{number}", Uuid, ForeignKey("users.id", ondelete=action))
        for number, action in enumerate(actions)
    ]
    table = Table("probe_bills", Model.metadata, Column("id", Integer, primary_key=True), *columns)
    yield
    Model.metadata.remove(table)


@pytest.mark.usefixtures("bills")
def test_a_reference_that_forbids_deletion_is_reported(app: Flask) -> None:
    found_there = found(app, "accounts.undeletable")
    named = sorted(message.partition(" ")[0] for message in found_there)
    assert named == ["probe_bills.user_2", "probe_bills.user_3"]


def test_a_column_that_a_registration_does_not_fill_is_reported(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Person(declarative_base()):  # type: ignore[misc]
        __tablename__ = "people"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        department: Mapped[str]
        nickname: Mapped[str | None]
        language: Mapped[str] = mapped_column(default="en")
        country: Mapped[str] = mapped_column(server_default="DE")

    assert found(make_app(), "accounts.required-column") == []
    monkeypatch.setattr(checks, "user_class", lambda: Person)
    [message] = found(make_app(), "accounts.required-column")
    assert message.startswith("people.department ")
    assert found(make_app(REGISTRATION=False), "accounts.required-column") == []


@pytest.mark.parametrize("check", [WAITING, USED_UP, "passkeys.other-host"])
def test_without_tables_the_checks_of_mails_and_passkeys_are_silent(app: Flask, check: str) -> None:
    """As before the first `flask db upgrade`, which another check asks for."""
    testing.drop_tables(app)
    assert found(app, check) == []
