"""Accounts: the operator creates users, and users log in with a password."""

from flask import Flask

from app.accounts import commands, login, mail, mailbox, me, password_change
from app.accounts.account_settings import AccountSettings as AccountSettings


def init_app(app: Flask) -> None:
    login.init_app(app)
    me.init_app(app)
    password_change.init_app(app)
    commands.init_app(app)
    mail.init_app(app)
    mailbox.init_app(app)
