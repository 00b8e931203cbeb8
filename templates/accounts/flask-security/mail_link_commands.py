"""`flask user create`, `flask user password`: with `--mail-link` people set a password by mail.

So no operator knows it, and none is in a terminal or a chat. Source: OWASP ASVS 6.2.3, 6.4.1.
"""

import secrets

import click
from flask import Flask
from flask.cli import with_appcontext

from app.accounts import commands, operator_passwords, pending, public_urls
from app.accounts.commands import user_commands
from app.accounts.links import addresses, recovery, usernames
from app.accounts.links.lifetimes import in_words
from app.accounts.mail import mail
from app.accounts.operator_passwords import password_option
from app.accounts.password_change import set_password
from app.auth.users import User
from app.security import audit
from app.security.validation import Reason

LIFETIME = 24 * 60 * 60  # seconds

mail_link = click.option("--mail-link", is_flag=True, help="Mail a link to set the password.")


@click.command("create")
@click.argument("name")
@click.option("--email", help="An e-mail address; it is stored encrypted.")
@password_option
@mail_link
@with_appcontext
def create_user(name: str, email: str | None, password_stdin: bool, mail_link: bool) -> None:
    """Add a user. Prompts for a password on a terminal; otherwise generates and prints one."""
    name = _new_name(name)
    _refuse_known(email)
    if not mail_link:
        operator_passwords.create_user(name, email, password_stdin=password_stdin)
        return
    _refuse_both(password_stdin)
    if not email:
        raise click.UsageError("Give the --email to which the link is mailed.")
    operator_passwords.check_new(name, email)
    user = operator_passwords.store_user(name, _unusable_password(), email)
    click.echo(f"Created user {name}")
    _mail_link(user)


@click.command("password")
@click.argument("name")
@password_option
@mail_link
@with_appcontext
def change_password(name: str, password_stdin: bool, mail_link: bool) -> None:
    """Set a new password and end all logins of a user."""
    if not mail_link:
        operator_passwords.change_password(name, password_stdin=password_stdin)
        return
    _refuse_both(password_stdin)
    user = commands.find_user(name)
    if not user.email:
        raise click.ClickException(f"{name} has no e-mail address to which a link could go.")
    set_password(user, _unusable_password())
    commands.record_change(audit.PASSWORD_CHANGE, user)
    click.echo(f"Ended the password and all logins of {name}")
    _mail_link(user)


def init_app(app: Flask) -> None:
    user_commands.add_command(create_user)
    user_commands.add_command(change_password)


def _new_name(text: str) -> str:
    try:
        return usernames.new(text)
    except Reason as reason:
        raise click.ClickException(f"This name cannot be used. {reason}.") from None


def _refuse_known(email: str | None) -> None:
    """Refuse an address that would make it unclear which account it means at login."""
    known = addresses.find(email) if email else None
    if known:
        raise click.ClickException(f"The user {known.name!r} has this e-mail address already.")


def _refuse_both(password_stdin: bool) -> None:
    if password_stdin:
        raise click.UsageError("Give --password-stdin or --mail-link, not both.")


def _unusable_password() -> str:
    """A password that nobody has seen."""
    return secrets.token_urlsafe(32)


def _mail_link(user: User) -> None:
    secret = pending.create(recovery.PURPOSE, LIFETIME, user=user, email=user.email)
    link = public_urls.link("recovery.set_page", token=secret)
    lifetime = in_words(LIFETIME)
    mail.send(user.email, "set_password", link=link, username=user.name, lifetime=lifetime)
    click.echo(f"Mailed a link to {user.email}")
