"""What the tests of the core and of the owner's views share: apps, a user, and clients.

Both conftests import all of it. Each has a fixture `create_site`, which creates its app.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from redis import Redis
from secure_flask import Role, create_user, db, testing
from secure_flask.auth import users
from secure_flask.clock import CLOCK
from secure_flask.database import Model
from secure_flask.settings import Settings
from secure_flask.settings.__main__ import fresh_secrets
from secure_flask.state import app_state
from secure_flask.web import audit, counters
from werkzeug.test import TestResponse

from core import routes
from core.standing_clock import clock

__all__ = [
    "LOGIN",
    "OWN_PAGE",
    "PASSWORD",
    "PRODUCTION",
    "SECRETS",
    "SETTINGS",
    "TOKEN_TYPES",
    "USERNAME",
    "Configure",
    "Create",
    "Lines",
    "MakeApp",
    "Wait",
    "add_user",
    "app",
    "apps_made_by",
    "begin_of_a_day",
    "client",
    "common_passwords",
    "configure",
    "credentials",
    "every_token_type",
    "file_app",
    "give_roles",
    "headers_of",
    "is_logged_in",
    "lines",
    "log_in",
    "log_in_by_form",
    "nothing_from_outside",
    "production",
    "shared_app",
    "shared_apps",
    "stored_hash",
    "stored_user",
    "token_type",
    "wait",
]

TOKEN_TYPES = ("session", "opaque", "jwt")
USERNAME, PASSWORD = "ada", "a good long password"
LOGIN = {"username": USERNAME, "password": PASSWORD}

# What a browser sends with a request of this site's own page, whatever its scheme and host.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}

# What no environment may lack, as settings name it.
SECRETS = {name.lower(): secret for name, secret in fresh_secrets().items()}
SETTINGS: dict[str, Any] = {
    "app_env": "development",
    "database_url": os.environ.get("TEST_DATABASE_URL", "sqlite:///:memory:"),
    "redis_url": os.environ.get("TEST_REDIS_URL"),
}
# For `make_app`: the test client speaks https to such an app, as a browser would.
PRODUCTION: dict[str, Any] = {"app_env": "production", "trusted_hosts": ["localhost"]}

# The first database in memory: to copy it takes a tenth of the time to make another.
_copies: list[bytes] = []

Configure = Callable[..., None]
MakeApp = Callable[..., Flask]
# Takes settings by name as a dict, and policy values as keywords.
Create = Callable[..., Flask]
Lines = Callable[[], list[dict[str, Any]]]
Wait = Callable[[float], None]

every_token_type = pytest.mark.parametrize("token_type", TOKEN_TYPES)


def log_in(client: FlaskClient, **body: str) -> dict[str, str]:
    """Log in by JSON; the headers by which this client then shows it, whatever the token type."""
    answer = client.post(routes.LOGIN, json={**LOGIN, **body}, headers=OWN_PAGE)
    return headers_of(answer.get_json())


def log_in_by_form(client: FlaskClient, **fields: str) -> FlaskClient:
    """Log in as on a page, which gives a cookie whatever the token type."""
    answer = client.post(routes.LOGIN, data={**LOGIN, **fields}, headers=OWN_PAGE)
    assert answer.status_code == 303
    return client


def headers_of(issued: dict[str, str]) -> dict[str, str]:
    """The headers of later requests, from the body of a login."""
    if issued["token_type"] == "session":
        return OWN_PAGE
    return {"Authorization": f"Bearer {issued['token']}"}


def is_logged_in(client: FlaskClient, credentials: dict[str, str] | None = None) -> bool:
    return client.get(routes.ME, headers=credentials).status_code == 200


def common_passwords(name: str, project: str) -> list[str]:
    """Long passwords that nobody of this name may choose at a project of this name."""
    return [
        "aaaaaaaaaaaaaaa",
        "123456789012345",
        "passwordpassword",
        "password12345678",
        "qwertyuiopasdfgh",
        "abcabcabcabcabc",
        "iloveyouiloveyou",
        "correcthorsebatterystaple",
        (name * 2).ljust(15, "0"),
        f"{project}-19852026",
        f"{''.join(project.split())}19852026".lower(),
    ]


@contextmanager
def stored_user(app: Flask, name: str = USERNAME) -> Iterator[Any]:
    """A user as the database holds it; changes made in the block are stored."""
    with app.app_context():
        user = users.user_class().find(name)
        assert user is not None
        yield user
        db.session.commit()


def stored_hash(app: Flask, name: str = USERNAME) -> str:
    with stored_user(app, name) as user:
        return str(user.password_hash)


def add_user(app: Flask, name: str, password: str = PASSWORD) -> None:
    with app.app_context():
        create_user(name, password, check_password=False)


def give_roles(app: Flask, *names: str, to: str = USERNAME) -> None:
    """Give a user exactly these roles."""
    with stored_user(app, to) as user:
        there = {role.name: role for role in users.stored_roles()}
        user.roles = [there.get(name) or Role(name=name) for name in names]


class Client(FlaskClient):
    """Reads every answer to its end, so that no file stays open behind a static one."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **kwargs})


@pytest.fixture(scope="session", autouse=True)
def nothing_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads the environment, pays for a real hash, or leaves a file in the template."""
    with pytest.MonkeyPatch.context() as patch, testing.fast_hashes():
        patch.setitem(Settings.model_config, "env_file", None)
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        instance = str(tmp_path_factory.mktemp("instance"))
        patch.setattr(Flask, "auto_find_instance_path", lambda _: instance)
        # Else each of some hundred apps compiles the same pages.
        compiled = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("pages")))
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": compiled})
        yield


@pytest.fixture(scope="session")
def shared_apps(create_site: Create) -> Iterator[dict[str, Flask]]:
    """An app of each token type, as they are asked for."""
    with ExitStack() as stack:
        yield _Apps(create_site, stack)


@pytest.fixture
def token_type() -> str:
    """What a login by JSON gives; `@every_token_type` runs a test for each."""
    return "session"


@pytest.fixture
def shared_app(shared_apps: dict[str, Flask], token_type: str) -> Flask:
    """What `app` is each time; a module may put another in its place."""
    return shared_apps[token_type]


@pytest.fixture
def app(shared_app: Flask) -> Flask:
    """An app that many tests look at; one that changes it makes another by `make_app`."""
    counters.init_app(shared_app, audit.record_redis_error)
    with shared_app.app_context():
        _fill()
    return shared_app


@pytest.fixture
def file_app(make_app: MakeApp, token_type: str, tmp_path: Path) -> Flask:
    """An app whose database serves several connections at once."""
    database = os.environ.get("TEST_DATABASE_URL", f"sqlite:///{tmp_path}/app.db")
    limit = "1000 per minute"
    return make_app(TOKEN_TYPE=token_type, database_url=database, login_rate_limit=limit)


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """`configure(app, MAX_LOGINS=1)`: the app has these values until the end of the test."""
    # What `monkeypatch` has set is put back after this.
    with ExitStack() as stack:
        yield lambda app, **values: stack.enter_context(testing.thawed(app, **values))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def production(make_app: MakeApp) -> FlaskClient:
    """A client of the app in production, over https."""
    return make_app(**PRODUCTION).test_client()


@pytest.fixture
def credentials(client: FlaskClient) -> dict[str, str]:
    """The headers by which `client` shows its login, whatever the token type."""
    return log_in(client)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """`lines()`: what production logged since the last look; a line that is no JSON fails."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture(autouse=True)
def begin_of_a_day() -> Iterator[None]:
    """Each test begins with a day."""
    yield
    clock.reset()


@pytest.fixture
def wait() -> Wait:
    """`wait(60)`: the clock of all apps goes on by 60 seconds, and stands still otherwise."""
    return clock.wait


@contextmanager
def apps_made_by(create_site: Create, **usual: Any) -> Iterator[MakeApp]:
    """`make_app(app_env="production", CORS_ORIGINS=[…])`: lower case sets, upper case is policy.

    With `fill=False` its database is taken as it is, if there is one at all.
    """
    made: list[Flask] = []
    with ExitStack() as stack:

        def make(**changes: Any) -> Flask:
            for other in made:
                _give_connections_back(other)
            made.append(stack.enter_context(_running(create_site, **{**usual, **changes})))
            return made[-1]

        yield make


class _Apps(dict[str, Flask]):
    """Makes the app of a token type at its first use."""

    def __init__(self, create_site: Create, stack: ExitStack) -> None:
        self.create_site = create_site
        self.stack = stack

    def __missing__(self, token_type: str) -> Flask:
        running = _running(self.create_site, TOKEN_TYPE=token_type)
        app = self[token_type] = self.stack.enter_context(running)
        # From its first request on Flask takes no new view: none is left to the next test.
        app.test_client().get("/healthz")
        return app


def _give_connections_back(app: Flask) -> None:
    # PostgreSQL has a hundred for all apps of a module. SQLite would lose what is in memory.
    with app.app_context():
        if db.engine.dialect.name == "postgresql":
            db.engine.dispose()


@contextmanager
def _running(create_site: Create, *, fill: bool = True, **changes: Any) -> Iterator[Flask]:
    replaced = {name: changes.pop(name) for name in list(changes) if name.isupper()}
    app = create_site({**SETTINGS, **SECRETS, **changes}, **{"TESTING": True, **replaced})
    app_state(app)[CLOCK] = clock.now
    app.test_client_class = Client
    app.config["PREFERRED_URL_SCHEME"] = "https" if app.config["PRODUCTION"] else "http"
    with app.app_context():
        if fill:
            _fill()
    yield app
    with app.app_context():
        db.engine.dispose()


def _fill() -> None:
    """Give the database one user and nothing else, and count from zero."""
    if redis_url := SETTINGS["redis_url"]:
        Redis.from_url(redis_url).flushdb()
    in_memory = db.engine.url.database == ":memory:"
    if in_memory and _copies:
        _sqlite().deserialize(_copies[0])
        return
    Model.metadata.create_all(db.engine)
    for table in reversed(Model.metadata.sorted_tables):
        db.session.execute(table.delete())
    create_user(USERNAME, PASSWORD, check_password=False)
    if in_memory:
        _copies.append(_sqlite().serialize())


def _sqlite() -> sqlite3.Connection:
    connection = db.engine.raw_connection().driver_connection
    assert isinstance(connection, sqlite3.Connection)
    return connection
