"""What the tests of a project need from the core, beside the public names of `secure_flask`.

Tests do not read the environment or `.env`, so they use no real secrets and no real data. Only
TEST_DATABASE_URL and TEST_REDIS_URL are read: tests empty the services that these name.
"""

import os
import re
from collections.abc import Iterator, Sequence
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
from secure_flask.auth.access import is_public
from secure_flask.database import db
from secure_flask.database.database import Model
from secure_flask.settings import Settings
from secure_flask.settings.__main__ import fresh_secrets
from secure_flask.web import csp, error_bodies
from secure_flask.web.counters import counters
from secure_flask.web.headers import Kind, fixed_headers
from sqlalchemy import inspect
from werkzeug.routing import BuildError, Rule

AnySettings = TypeVar("AnySettings", bound=Settings)

# A test that changed these would empty the database that the app has opened.
_OF_DATABASE = ("DATABASE_URL", "SQLALCHEMY_")
_SECRETS = {name.lower(): value for name, value in fresh_secrets().items()}
# These are example values for parameters of an address, by converter.
_EXAMPLES = {"uuid": str(UUID(int=1)), "float": "1.5"}
_PARAMETER = re.compile(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>")


class Route(NamedTuple):
    """One method of a route, with an address at which a test can call it; see `routes`.

    An example is `Route("GET", "/login", "login.page", True, (), True)`.
    """

    method: str
    path: str
    endpoint: str
    public: bool
    roles: tuple[str, ...]
    checks_origin: bool  # False for the few routes that take requests of any site


def settings(kind: type[AnySettings], **values: Any) -> AnySettings:
    """Settings for a test: development, new secrets, and `values` by lower-case name.

    `create_app(testing.settings(Settings, rate_limit="5 per minute"))`. The result is of the class
    `kind`. A required setting of yours gets a random text if its type is `str` or `SecretStr`.

    :raises SettingsError: a value is missing or insecure.
    """
    required = [each for each in kind.model_fields.items() if each[1].is_required()]
    texts = [name for name, field in required if field.annotation in (str, SecretStr)]
    given = {
        **{name: token_urlsafe(32) for name in texts},
        **_SECRETS,
        "app_env": "development",
        "database_url": os.environ.get("TEST_DATABASE_URL") or "sqlite:///:memory:",
        "redis_url": os.environ.get("TEST_REDIS_URL") or None,
        # A test of another limit passes it in `values`.
        "login_rate_limit": "5 per minute",
        "rate_limit": None,
        **_of_accounts(**values),
        **values,
    }

    class Isolated(kind):  # type: ignore[valid-type, misc]
        model_config = SettingsConfigDict(env_file=None)

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:
            return (InitSettingsSource(settings_cls, given),)

    isolated: type[AnySettings] = Isolated
    return isolated.load()


def _of_accounts(
    app_env: str = "", trusted_hosts: Sequence[str] = (), **others: object
) -> dict[str, str]:
    """The settings that self-service accounts demand in production; other classes ignore them."""
    if app_env != "production" or not trusted_hosts:
        return {}
    host = trusted_hosts[0]
    return {
        "public_url": f"https://{host}",
        "mail_url": "smtp://localhost",
        "mail_from": "no-reply@localhost",
    }


@contextmanager
def fast_hashes() -> Iterator[None]:
    """Hash passwords in a moment, where a real hash takes 50 ms: `with testing.fast_hashes()`."""
    with patch.object(passwords, "hasher", PasswordHasher(1, 8, 1)):
        yield


@contextmanager
def thawed(app: Flask, **values: object) -> Iterator[None]:
    """Change names of `app.config` in a test, and put all back: `with testing.thawed(app, MAX_LOGINS=1)`.

    In the block, other lines may change more. A value that was read while the app was created, such
    as a header or a route, stays as it is: pass it to `create_app`. The database never changes.
    """
    config: Any = app.config
    before = {**config}
    kept = {name: each for name, each in config.frozen.items() if name.startswith(_OF_DATABASE)}
    with patch.multiple(config, frozen=kept, checks=()):
        try:
            config.update(values)
            yield
        finally:
            dict.clear(config)
            dict.update(config, before)


def create_tables(app: Flask) -> None:
    """Create the missing tables of all models: `testing.create_tables(app)`."""
    with app.app_context():
        db.create_all(None)


def drop_tables(app: Flask) -> None:
    """Drop every table of the database, also those without a model: `testing.drop_tables(app)`."""
    with app.app_context():
        on_sqlite = db.engine.dialect.name == "sqlite"
        names = inspect(db.engine).get_table_names()
        with db.engine.begin() as connection:
            if on_sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            for name in names:
                connection.exec_driver_sql(f'DROP TABLE "{name}"' + " CASCADE" * (not on_sqlite))
        # The next connection enforces foreign keys again.
        db.engine.dispose()


def reset(app: Flask) -> None:
    """Empty all tables, and forget all counted requests and failed logins: `testing.reset(app)`."""
    with app.app_context():
        for table in reversed(Model.metadata.sorted_tables):
            db.session.execute(table.delete())
        db.session.commit()
        counters().local.reset()
        if app.config.get("REDIS_URL"):
            counters().shared.reset()


def path_of(app: Flask, endpoint: str, **values: object) -> str:
    """The path of a route, wherever its blueprint is: `path_of(app, "login.login")`.

    `values` are the parameters of its address: `path_of(app, "api.show_task", task_id=task.id)`.

    :raises LookupError: no route has this endpoint.
    """
    try:
        return app.url_map.bind("localhost").build(endpoint, values)
    except BuildError:
        raise LookupError(
            f"No route has the endpoint {endpoint!r} with the parameters {sorted(values)}. If you "
            "renamed its blueprint or its view, change the name in this test too."
        ) from None


def origin_of(app: Flask) -> str:
    """The origin of the app's own pages, as the test client calls it: "http://localhost".

    Send it as a browser does: `client.post(path, headers={"Origin": testing.origin_of(app)})`.
    """
    return f"{app.config['PREFERRED_URL_SCHEME']}://{app.config['SERVER_NAME'] or 'localhost'}"


def page_headers(app: Flask) -> dict[str, str]:
    """The headers of every page by name, with HEADER_CHANGES of the policy.

    `assert testing.page_headers(app).items() <= {*client.get("/").headers}`.
    """
    return fixed_headers(app.config, Kind.PAGE)


def page_csp(app: Flask) -> dict[str, list[str]]:
    """The Content-Security-Policy of pages by directive, with CSP_CHANGES of the policy.

    `assert testing.page_csp(app)["object-src"] == ["'none'"]`.
    """
    return csp.page_policy(app.config)


def log_in_by_json(client: FlaskClient, name: str, password: str) -> dict[str, Any]:
    """Log in as a program; later requests of this client carry the credential and `Origin`.

    The result is the body of the response, as `secure_flask.log_in` returns it:
    `testing.log_in_by_json(client, "ada", "a good long password")`.

    :raises AssertionError: the login was refused.
    """
    client.environ_base["HTTP_ORIGIN"] = origin_of(client.application)
    body = {"username": name, "password": password}
    response = client.post(path_of(client.application, "login.login"), json=body)
    if response.status_code != 200:
        raise AssertionError(f"The login of {name} got {response.status}: {response.text}")
    answer: dict[str, Any] = response.get_json()
    if "token" in answer:
        client.environ_base["HTTP_AUTHORIZATION"] = f"{answer['token_type']} {answer['token']}"
    return answer


def log_in_by_form(client: FlaskClient, name: str, password: str) -> None:
    """Log in as on a page; later requests of this client carry the cookie and `Origin`.

    `testing.log_in_by_form(client, "ada", "a good long password")`.

    :raises AssertionError: the login was refused.
    """
    client.environ_base["HTTP_ORIGIN"] = origin_of(client.application)
    form = {"username": name, "password": password}
    response = client.post(path_of(client.application, "login.login"), data=form)
    if response.status_code != 303:
        raise AssertionError(f"The login of {name} got {response.status}: {response.text}")


def routes(app: Flask, **values: str) -> list[Route]:
    """Every method of every route, without routes of another host. Parameters get example values.

    `[each.path for each in testing.routes(app) if each.public]`. For a converter of your own, pass
    the value by the parameter's name: `testing.routes(app, colour="red")`.

    :raises LookupError: no route matches an address with the example values.
    """
    found = []
    with app.app_context():
        for rule, method, options in route_table.route_operations(app):
            if not (rule.subdomain or rule.host or rule.websocket):
                path = _path(app, rule, values)
                public = is_public(rule.endpoint, options)
                checked = not options.csrf_exempt
                found.append(Route(method, path, rule.endpoint, public, options.roles, checked))
    return found


def failing_error_bodies(app: Flask) -> list[str]:
    """Each function of `error_bodies` that fails for a status, with the error.

    `assert testing.failing_error_bodies(app) == []`.
    """
    return [*error_bodies.find_faults(app)]


def _path(app: Flask, rule: Rule, values: dict[str, str]) -> str:
    def example(found: re.Match[str]) -> str:
        converter, arguments, name = found.groups()
        first = arguments.split(",")[0].strip("\"' ") if converter == "any" else "1"
        return values.get(name) or _EXAMPLES.get(converter, first)

    path = _PARAMETER.sub(example, rule.rule)
    if not app.url_map.bind("localhost").allowed_methods(path):
        raise LookupError(f"{path} does not lead to {rule.rule}: pass its parameters to routes().")
    return path
