"""Accounts: the operator creates users, and users log in with a password."""

from flask import Flask

from app.accounts import account_commands, commands, login, me, password_change, role_commands
from app.setting_types import Environment


class AccountSettings(Environment):
    """Accounts need no settings of their own."""


def init_app(app: Flask) -> None:
    login.init_app(app)
    me.init_app(app)
    password_change.init_app(app)
    commands.init_app(app)
    account_commands.init_app(app)
    role_commands.init_app(app)
