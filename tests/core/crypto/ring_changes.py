"""Keys that change under an app, and what `flask crypto` says of it."""

from click.testing import Result
from flask import Flask
from secure_flask.crypto.encryption import BLIND_INDEX_KEYS, ENCRYPTION_KEYS
from secure_flask.settings import keyrings
from secure_flask.settings.keyrings import read_numbered_keyring
from secure_flask.state import app_state

from core.conftest import SECRETS

BOTH = {ENCRYPTION_KEYS: "encryption_keys", BLIND_INDEX_KEYS: "blind_index_keys"}
[OLD] = read_numbered_keyring(SECRETS["encryption_keys"])
NEW = keyrings.new_key("2")


def put_in_front(app: Flask) -> None:
    """Go on with a new key before the old one, as after a restart."""
    app_state(app).update(
        {key: read_numbered_keyring(f"{NEW},{SECRETS[name]}") for key, name in BOTH.items()}
    )


def drop_old(app: Flask) -> None:
    app_state(app).update({key: read_numbered_keyring(NEW) for key in BOTH})


def run(app: Flask, command: str) -> Result:
    return app.test_cli_runner().invoke(args=["crypto", command])
