"""Accounts: people register and prove who they are, with checks by Flask-Security (library.py)."""

from flask import Flask

from app.accounts import (
    commands,
    deletion_routes,
    email_change,
    factor_commands,
    library,
    login,
    mail,
    mail_link_commands,
    mailbox,
    me,
    passkeys,
    password_change,
    personal_data,
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
    personal_data.init_app(app)
    deletion_routes.init_app(app)
    commands.init_app(app)
    role_commands.init_app(app)
    mail_link_commands.init_app(app)
    factor_commands.init_app(app)
