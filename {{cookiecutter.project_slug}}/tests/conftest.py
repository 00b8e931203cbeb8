"""What the tests share: an app with an empty database, one user, and clients.

A test of yours takes `client` for a visitor, `ada` for a logged-in user, `production` for a
visitor of the app in production, or `make_app(…)` for another policy or other settings.
"""

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click import ClickException
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import Model, create_user, db, testing
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.test import TestResponse

from app import create_app
from app.settings import Settings
from tests.probes import add_probes

# Values for required settings of yours, as in {"invoice_api_key": "none"}. A required `str` or
# `SecretStr` needs none.
SETTINGS: dict[str, Any] = {}
# Values for required columns of yours on User, as in {"department": "Tests"}.
USER: dict[str, Any] = {}

NAME, PASSWORD = "ada", "correct horse battery staple 1837"
# What a browser sends when it opens an address.
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}
# A site that no policy lists.
OTHER_SITE = "https://not-listed.example"
# `make_app(**PRODUCTION)`
PRODUCTION: dict[str, Any] = {"app_env": "production", "trusted_hosts": ["localhost"]}

MakeApp = Callable[..., Flask]


class Client(FlaskClient):
    """Reads each response to its end, so that no static file stays open."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **options})


def build_app(**changes: Any) -> Flask:
    """An app with its tables. Lower-case changes are settings, upper-case ones are policy."""
    policy = {name: changes.pop(name) for name in list(changes) if name.isupper()}
    production = changes.get("app_env") == "production"
    # A crash becomes a 500, as for a client; pytest shows what was logged.
    as_in_tests = {
        "TESTING": True,
        "PROPAGATE_EXCEPTIONS": False,
        "APPLICATION_ROOT": "/",
        "SERVER_NAME": None,
        "PREFERRED_URL_SCHEME": "https" if production else "http",
    }
    settings = testing.settings(Settings, **{**SETTINGS, **changes})
    app = create_app(settings, **{**as_in_tests, **policy})
    app.test_client_class = Client
    testing.create_tables(app)
    return app


def fill(app: Flask) -> None:
    """Leave one user in the database, and nothing else."""
    testing.reset(app)
    add_user(app, NAME)


def add_user(app: Flask, name: str) -> None:
    with app.app_context():
        create_user(name, PASSWORD, check_password=False, **USER)


def log_in(app: Flask, name: str = NAME, password: str = PASSWORD) -> FlaskClient:
    """A new client that is logged in."""
    client = app.test_client()
    testing.log_in_by_json(client, name, password)
    return client


def stored_rows(app: Flask) -> dict[str, list[str]]:
    """All rows of all tables, to compare before and after a request."""
    with app.app_context():
        tables = Model.metadata.sorted_tables
        return {each.name: sorted(map(str, db.session.execute(select(each)))) for each in tables}


def open_all(client: FlaskClient) -> dict[str, TestResponse]:
    """What a browser gets at each address of the app."""
    paths = [each.path for each in testing.routes(client.application) if each.method == "GET"]
    return {path: client.get(path, headers=BROWSER) for path in paths}


@pytest.fixture(scope="session", autouse=True)
def first_app() -> Iterator[Flask]:
    """The app of most tests. A run that cannot begin ends here, with one message."""
    with testing.fast_hashes():
        try:
            app = build_app()
            testing.drop_tables(app)
            testing.create_tables(app)
            fill(app)
        except Exception as error:
            pytest.exit(f"No test can run. {_explain(error)}", returncode=1)
        yield app
        close(app)


def _explain(error: Exception) -> str:
    if isinstance(error, ClickException):
        return f"{error.message}\nSETTINGS in tests/conftest.py holds values for the tests."
    if isinstance(error, SQLAlchemyError):
        return (
            f"The database of the tests refused to store a user: {error}\n"
            "If User has required columns, give USER in tests/conftest.py values for them."
        )
    return "".join(traceback.format_exception(error))


def close(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(first_app: Flask) -> Flask:
    fill(first_app)
    return first_app


@pytest.fixture(scope="session")
def _probe_app() -> Iterator[Flask]:
    app = add_probes(build_app())
    yield app
    close(app)


@pytest.fixture
def probe_app(_probe_app: Flask) -> Flask:
    """The app with the views of probes.py: a response of each kind."""
    fill(_probe_app)
    return _probe_app


@pytest.fixture
def probes(probe_app: Flask) -> FlaskClient:
    """A visitor of `probe_app`."""
    return probe_app.test_client()


@pytest.fixture(scope="session")
def _production_app() -> Iterator[Flask]:
    app = add_probes(build_app(**PRODUCTION))
    yield app
    close(app)


@pytest.fixture
def production(_production_app: Flask) -> FlaskClient:
    """A visitor of the same app in production, who comes by https."""
    fill(_production_app)
    return _production_app.test_client()


@pytest.fixture
def make_app() -> Iterator[MakeApp]:
    """`make_app(app_env="production", CORS_ORIGINS=[…])`: settings and policy of your choice."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        made.append(build_app(**changes))
        fill(made[-1])
        return made[-1]

    yield make
    for app in made:
        close(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor."""
    return app.test_client()


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    """A logged-in user, with what TOKEN_TYPE gives a program."""
    return log_in(app)


@pytest.fixture
def ada_on_pages(app: Flask) -> FlaskClient:
    """A user who is logged in by the cookie of pages, as in every project."""
    client = app.test_client()
    testing.log_in_by_form(client, NAME, PASSWORD)
    return client
