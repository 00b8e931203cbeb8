"""Accounts: people register and prove who they are; see library.py for what Flask-Security does."""

from flask import Flask

<<<<<<< HEAD
from app.accounts import (
    account_changes,
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
    second_factor,
)
from app.accounts.account_settings import AccountSettings
=======
from app.accounts import commands, login, me, password_change, role_commands
from app.setting_types import Environment
>>>>>>> roles

__all__ = ["AccountSettings"]


def init_app(app: Flask) -> None:
    mail.init_app(app)
    mailbox.init_app(app)
    library.init_app(app)
    account_changes.init_app(app)
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
