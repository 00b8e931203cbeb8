"""Accounts: people register and prove who they are, with checks by Flask-Security (library.py)."""

from flask import Flask

from app.accounts import commands, login, me, password_change, role_commands
from app.accounts.account_settings import AccountSettings as AccountSettings
from app.accounts.credentials import LoginForm
from app.accounts.factors import (
    factor_commands,
    library,
    passkey_logins,
    passkeys,
    second_factor,
)
from app.accounts.leaving import deletion_routes, personal_data
from app.accounts.links import (
    confirmation,
    email_change,
    mail_link_commands,
    recovery,
    registration,
)
from app.accounts.mail import mail, mailbox


def init_app(app: Flask) -> None:
    mail.init_app(app)
    mailbox.init_app(app)
    library.init_app(app, login_form=LoginForm)
    login.init_app(app)
    me.init_app(app)
    password_change.init_app(app)
    if registration.is_open(app):
        registration.init_app(app)
        confirmation.init_app(app)
    recovery.init_app(app)
    email_change.init_app(app)
    second_factor.init_app(app)
    passkeys.init_app(app)
    passkey_logins.init_app(app)
    personal_data.init_app(app)
    deletion_routes.init_app(app)
    commands.init_app(app)
    role_commands.init_app(app)
    mail_link_commands.init_app(app)
    factor_commands.init_app(app)
