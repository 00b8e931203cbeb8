"""Keys in the table, and requests that bring one."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth.logins import DAY
from secure_flask.database import db
from secure_flask.keys import api_keys
from secure_flask.keys.api_keys import ApiKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from core import routes
from core.conftest import USERNAME, stored_user

NAME = "Backup"
NOT_HERE = {"error": "Keys are not allowed here"}


def new_key(
    app: Flask, *roles: str, name: str = NAME, expires_in: int = DAY, to: str = USERNAME
) -> str:
    """A key that an operator makes for a user."""
    with stored_user(app, to) as user:
        return api_keys.store_key(user, name, expires_in, roles, login=None)[1]


def ask(client: FlaskClient, key: str, path: str = routes.ME, **options: Any) -> TestResponse:
    """A request with a key, GET unless `method` says otherwise."""
    headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
    return client.open(path, headers=headers, **options)


def is_open(client: FlaskClient, key: str) -> bool:
    status = ask(client, key).status_code
    assert status in (200, 401)
    return status == 200


def stored_key(app: Flask) -> ApiKey:
    """The only key there is."""
    with app.app_context():
        return db.session.scalars(select(ApiKey)).one()


def number_of_keys(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(ApiKey.id)).all())
