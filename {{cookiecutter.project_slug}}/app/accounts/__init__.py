"""Who makes users, and how they prove who they are: here the operator, and a password."""

from flask import Flask

from app.accounts import commands, login, password_change
from app.setting_types import Environment


class AccountSettings(Environment):
    """What the environment sets for accounts: nothing here."""


def init_app(app: Flask) -> None:
    login.init_app(app)
    password_change.init_app(app)
    commands.init_app(app)
