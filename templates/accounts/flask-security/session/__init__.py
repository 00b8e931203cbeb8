"""Accounts: people register and prove who they are, with checks by Flask-Security (library.py).

The pages come after the JSON views, at whose addresses their forms arrive.
"""

from flask import Flask

from app.accounts import (
    commands,
    deletion_routes,
    email_change,
    email_change_pages,
    factor_commands,
    library,
    login,
    mail,
    mail_link_commands,
    mailbox,
    me,
    passkey_pages,
    passkeys,
    password_change,
    personal_data,
    recovery,
    recovery_pages,
    registration,
    registration_pages,
    role_commands,
    second_factor,
    second_factor_pages,
    setup_pages,
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
    registration_pages.init_app(app)
    recovery_pages.init_app(app)
    email_change_pages.init_app(app)
    second_factor_pages.init_app(app)
    setup_pages.init_app(app)
    passkey_pages.init_app(app)
    personal_data.init_app(app)
    deletion_routes.init_app(app)
    commands.init_app(app)
    role_commands.init_app(app)
    mail_link_commands.init_app(app)
    factor_commands.init_app(app)
