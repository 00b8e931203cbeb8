"""Keys for machines, by which programs act for a user without a login."""

from flask import Flask
from secure_flask.keys import checks as checks
from secure_flask.keys import commands, key_requests, stored_keys


def init_app(app: Flask) -> None:
    stored_keys.init_app(app)  # refuses a prefix of keys that another token may have
    key_requests.init_app(app)  # finds the user of a key, which opens views marked @keys_allowed
    commands.init_app(app)  # `flask key`
