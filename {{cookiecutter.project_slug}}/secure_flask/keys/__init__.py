"""Keys for machines, by which programs act for a user without a login."""

from flask import Flask
from secure_flask.keys import api_keys, commands, requests


def init_app(app: Flask) -> None:
    api_keys.init_app(app)  # refuses a prefix of keys that another token may have
    requests.init_app(app)  # finds the user of a key, which opens views marked @keys_allowed
    commands.init_app(app)  # `flask key`
