"""`flask user factors`, `flask user mail-link`, `flask mail`: what an operator does for users.

Verify who asks before you remove factors: after that, the password alone logs in.
Source: OWASP ASVS 6.4.1, 6.4.4, 6.5.6.
"""

from shlex import quote

import click
from flask import Flask
from secure_flask.accounts import (
    notices,
    outbox,
    passkeys,
    recovery_codes,
    second_step,
    smtp,
    worker,
)
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.accounts.worker import MailSlots
from secure_flask.auth import logins, user_commands
from secure_flask.database import db
from secure_flask.database.command_group import CommandGroup, add_command
from secure_flask.web import audit
from sqlalchemy import func, select

mail_commands = CommandGroup("mail", help="Send the mails that wait.")


@user_commands.user_commands.command("factors")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Remove them all, and end all logins.")
@click.option("--invite", is_flag=True, help="Print a code to set up the first one, for a week.")
def show_factors(name: str, remove: bool, invite: bool) -> None:
    """Show the second factors of a user, remove them all, or let the first one be set up."""
    user = account_of(user_commands.find_user(name))
    if remove:
        _remove_factors(user)
    if invite:
        click.echo(f"Invitation code: {second_step.make_invitation(user)}")
        _record_factor_change(user, "invitation")
    click.echo(f"{name} has {', '.join(_described_factors(user)) or 'no second factor'}")


@user_commands.user_commands.command("mail-link")
@click.argument("name")
def mail_link(name: str) -> None:
    """Mail a user a link to set a password, so that no operator knows it."""
    user = account_of(user_commands.find_user(name))
    if not (email := user.readable_email):
        run = f"Run: .venv/bin/flask user email {quote(name)} ADDRESS"
        raise click.ClickException(f"{name} has no e-mail address. {run}")
    # The mail goes at once and without the limits, which strangers may have used up.
    message = outbox.build_message(outbox.OutgoingMail(kind="reset", email=email))
    db.session.commit()
    if message is None:
        run = f"Run: .venv/bin/flask user enable {quote(name)}"
        raise click.ClickException(f"{name} is disabled. {run}")
    try:
        smtp.send_mail(message)
    except OSError as error:
        why = f"The mail was not sent ({smtp.failure_reason(error)}): check MAIL_URL"
        raise click.ClickException(why) from None
    click.echo(f"Mailed a link to the address of {name}")


@mail_commands.command("send")
def send_mails_command() -> None:
    """Send all mails that are due. The app does so by itself while it serves requests."""
    click.echo(f"Sent {worker.send_due_mails(MailSlots())}, waiting {worker.count_waiting_mails()}")


@mail_commands.command("status")
def mail_status_command() -> None:
    """Say how many mails wait, of which kinds."""
    waiting = outbox.OutgoingMail.due.is_not(None)
    kinds = (
        select(outbox.OutgoingMail.kind, func.count())
        .where(waiting)
        .group_by(outbox.OutgoingMail.kind)
    )
    for kind, number in db.session.execute(kinds.order_by(outbox.OutgoingMail.kind)):
        click.echo(f"{kind}\t{number}")
    click.echo(f"waiting\t{worker.count_waiting_mails()}")


def init_app(app: Flask) -> None:
    add_command(app, mail_commands)


def _described_factors(user: AccountMixin) -> list[str]:
    app = ["an authenticator app"] if user.has_authenticator else []
    left = recovery_codes.recovery_codes_left(user)
    codes = [f"recovery codes ({left} left)"] if left else []
    return [*app, *codes, *(f"the passkey {each.name!r}" for each in passkeys.passkeys_of(user))]


def _remove_factors(user: AccountMixin) -> None:
    # This locks the row of the user before those of the factors, as a change by the user does.
    logins.end_logins_of(user)
    user.totp_secret = user.totp_last_step = None
    recovery_codes.delete_recovery_codes(user)
    for passkey in passkeys.passkeys_of(user):
        db.session.delete(passkey)
    _record_factor_change(user, "factors")
    notices.factors_changed(user, "An operator removed all second factors")
    db.session.commit()


def _record_factor_change(user: AccountMixin, change: str) -> None:
    fields = {"user_id": user.id, "change": change, "by": "command line"}
    audit.record(audit.USER_UPDATED, account=user.name, **fields)
