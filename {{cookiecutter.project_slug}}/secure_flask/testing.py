"""What the tests of a project need from the core, so that they import none of its other modules.

Tests read neither the environment nor `.env`, so they use no real secret and no real data. Two
variables alone say which services they may empty: TEST_DATABASE_URL and TEST_REDIS_URL.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_urlsafe
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch
from uuid import UUID

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from pydantic_settings import InitSettingsSource, SettingsConfigDict
from secure_flask.auth import passwords, route_table
from secure_flask.auth.public_endpoints import is_public
from secure_flask.database import Model, db
from secure_flask.settings import Settings
from secure_flask.settings.__main__ import fresh_secrets
from secure_flask.web.rate_limiter import rate_limiter
from sqlalchemy import MetaData
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BuildError, Rule

AnySettings = TypeVar("AnySettings", bound=Settings)

_SECRETS = {name.lower(): value for name, value in fresh_secrets().items()}
# A value for each parameter of an address, by its converter.
_EXAMPLES = {"uuid": str(UUID(int=1)), "float": "1.5"}
_PARAMETER = re.compile(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>")


class Route(NamedTuple):
    """One method of a route, with an address at which a test can call it."""

    method: str
    path: str
    endpoint: str
    public: bool
    roles: tuple[str, ...]
    # False for the few that take requests of any site, and authenticate nobody.
    checks_origin: bool


def settings(kind: type[AnySettings], **values: Any) -> AnySettings:
    """Settings for a test: those of development, new secrets, and `values` by lower-case name.

    A required setting of yours gets a random text if its type is `str` or `SecretStr`.

    :raises SettingsError: a value is missing or insecure.
    """
    given = {
        **_required_texts(kind),
        **_SECRETS,
        "app_env": "development",
        "database_url": os.environ.get("TEST_DATABASE_URL") or "sqlite:///:memory:",
        "redis_url": os.environ.get("TEST_REDIS_URL") or None,
        **values,
    }

    class Isolated(kind):  # type: ignore[valid-type, misc]
        model_config = SettingsConfigDict(env_file=None)

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:
            return (InitSettingsSource(settings_cls, given),)

    isolated: type[AnySettings] = Isolated
    return isolated.load()


@contextmanager
def fast_hashes() -> Iterator[None]:
    """Hash passwords in a moment: a real hash takes 50 ms and 46 MiB."""
    with patch.object(passwords, "hasher", PasswordHasher(1, 8, 1)):
        yield


def create_tables(app: Flask) -> None:
    """Create the tables of all models, but for those that exist."""
    with app.app_context():
        Model.metadata.create_all(db.engine)


def drop_tables(app: Flask) -> None:
    """Drop every table of the database, also those of an earlier version of the models."""
    with app.app_context():
        found = MetaData()
        found.reflect(db.engine)
        found.drop_all(db.engine)


def reset(app: Flask) -> None:
    """Empty all tables, and forget all counted requests and failed logins."""
    with app.app_context():
        for table in reversed(Model.metadata.sorted_tables):
            db.session.execute(table.delete())
        db.session.commit()
        limiter = rate_limiter()
        for counters in filter(None, (limiter.local, limiter.shared)):
            counters.storage.reset()


def path_of(app: Flask, endpoint: str, **values: Any) -> str:
    """The path of a route, wherever its blueprint is: `path_of(app, "login.login")`.

    :raises LookupError: no route has this endpoint.
    """
    try:
        return app.url_map.bind("localhost").build(endpoint, values)
    except BuildError:
        raise LookupError(
            f"No route has the endpoint {endpoint!r} with {sorted(values) or 'no parameters'}. If "
            "you renamed its blueprint or its view, change the name in this test too."
        ) from None


def origin_of(app: Flask) -> str:
    """The origin of the app's own pages, as the test client calls it."""
    return f"{app.config['PREFERRED_URL_SCHEME']}://{app.config['SERVER_NAME'] or 'localhost'}"


def log_in(
    client: FlaskClient, name: str, password: str, *, endpoint: str = "login.login"
) -> dict[str, Any]:
    """Log in by JSON; all later requests of this client carry the credential and `Origin`.

    It works for every token type, and returns the body of the response.
    """
    client.environ_base["HTTP_ORIGIN"] = origin_of(client.application)
    body = {"username": name, "password": password}
    response = client.post(path_of(client.application, endpoint), json=body)
    if response.status_code != 200:
        raise AssertionError(f"The login of {name} got {response.status}: {response.text}")
    issued: dict[str, Any] = response.get_json()
    is_bearer = issued.get("token_type") == "Bearer"
    header = "HTTP_AUTHORIZATION" if is_bearer else "HTTP_X_CSRF_TOKEN"
    client.environ_base[header] = f"Bearer {issued['token']}" if is_bearer else issued["token"]
    return issued


def routes(app: Flask, **values: str) -> list[Route]:
    """Every method of every route. A parameter gets a value that its converter takes.

    For a converter of your own, pass the value by the parameter's name: `colour="red"`.

    :raises LookupError: the address of a route does not lead to it.
    """
    with app.app_context():
        return [
            Route(
                each,
                _path(app, rule, each, values),
                rule.endpoint,
                is_public(rule.endpoint, options),
                options.roles,
                not options.csrf_exempt,
            )
            for rule, method, options in route_table.operations(app)
            if not (rule.websocket or rule.subdomain)
            for each in (("GET", "POST") if method == route_table.ANY else (method,))
        ]


def _required_texts(kind: type[Settings]) -> dict[str, str]:
    fields = kind.model_fields.items()
    texts = [name for name, each in fields if each.annotation in (str, SecretStr)]
    return {name: token_urlsafe(32) for name in texts if kind.model_fields[name].is_required()}


def _path(app: Flask, rule: Rule, method: str, values: dict[str, str]) -> str:
    def example(found: re.Match[str]) -> str:
        converter, arguments, name = found.groups()
        first = arguments.split(",")[0].strip("\"' ") if converter == "any" else "1"
        return values.get(name) or _EXAMPLES.get(converter, first)

    path = _PARAMETER.sub(example, rule.rule)
    try:
        app.url_map.bind("localhost").match(path, method)
    except HTTPException:
        raise LookupError(
            f"{path} does not lead to {rule.rule}: pass a value for its parameter to routes()."
        ) from None
    return path
