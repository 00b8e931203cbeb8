"""Accounts: people register and prove who they are, with checks by Flask-Security (library.py)."""

from flask import Flask

from app.accounts import (
    commands,
    email_change,
    library,
    login,
    mail,
    mailbox,
    me,
    passkeys,
    password_change,
    recovery,
    registration,
    role_commands,
    second_factor,
)
from app.accounts.account_settings import AccountSettings as AccountSettings


def init_app(app: Flask) -> None:
    mail.init_app(app)
    mailbox.init_app(app)
    library.init_app(app)
    login.init_app(app)
    me.init_app(app)
    password_change.init_app(app)
    registration.init_app(app)
    recovery.init_app(app)
    email_change.init_app(app)
    second_factor.init_app(app)
    passkeys.init_app(app)
    commands.init_app(app)
    role_commands.init_app(app)
