"""Sign-up, recovery, second factors and passkeys: pages, JSON routes, words and mails.

The rules that protect accounts are in secure_flask/accounts/.
"""

from flask import Flask
from secure_flask import accounts

# Each of these adds its routes to the blueprint. Only mailbox and sign_up have their own.
from app.accounts import (  # noqa: F401
    address,
    factors,
    leave,
    mailbox,
    passkey_logins,
    passkeys,
    recover,
    second_factor,
    sign_up,
)
from app.accounts.routes import blueprint


def init_app(app: Flask) -> None:
    """Call this after secure_flask.init_app."""
    accounts.init_app(app)
    app.register_blueprint(blueprint)
    if app.config["REGISTRATION"]:
        app.register_blueprint(sign_up.blueprint)
    mailbox.init_app(app)
