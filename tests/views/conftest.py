"""What the tests of the owner's views share: apps made to measure, a user, logins and forms."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from secure_flask import Role, create_user, db, testing
from secure_flask.auth.login_table import Login
from secure_flask.clock import CLOCK
from secure_flask.state import app_state
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import create_app
from app.models import User
from app.settings import Settings
from core import routes
from core.standing_clock import clock
from tests.page_elements import Elements

TOKEN_TYPES = ("session", "opaque", "jwt")
USERNAME, PASSWORD = "ada", "a good long password"
LOGIN = {"username": USERNAME, "password": PASSWORD}
# What a browser sends with a request of a page of this site, and with a form on one.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
OWN = {"Origin": "http://localhost", "Accept": "text/html,*/*;q=0.8"}

# A test that reaches a limit sets it.
SETTINGS = {"login_rate_limit": "1000 per minute"}
# For `make_app`: the test client speaks https to such an app, as a browser would.
PRODUCTION = {"app_env": "production", "trusted_hosts": ["localhost"]}

SELF_SERVICE = os.environ.get("VIEWS_ACCOUNTS") == "self-service"
# They need the other answer to the question.
collect_ignore = [] if SELF_SERVICE else ["accounts"]

MakeApp = Callable[..., Flask]
Lines = Callable[[], list[dict[str, Any]]]
Wait = Callable[[float], None]

every_token_type = pytest.mark.parametrize("token_type", TOKEN_TYPES)
# For pages, which log in by the cookie in both.
with_and_without_bearer = pytest.mark.parametrize("token_type", ["session", "opaque"])


def log_in(client: FlaskClient, **body: str) -> dict[str, str]:
    """Log in by JSON; the headers by which this client then shows it, whatever the token type."""
    answer = client.post(routes.LOGIN, json={**LOGIN, **body}, headers=OWN_PAGE)
    return headers_of(answer.get_json())


def log_in_by_form(client: FlaskClient, **fields: str) -> FlaskClient:
    """Log in as on a page, which gives a cookie whatever the token type."""
    assert post(client, **{**LOGIN, **fields}).status_code == 303
    return client


def headers_of(issued: dict[str, str]) -> dict[str, str]:
    """The headers of later requests, from the body of a login."""
    if issued["token_type"] == "session":
        return OWN_PAGE
    return {"Authorization": f"Bearer {issued['token']}"}


def is_logged_in(client: FlaskClient, credentials: dict[str, str] | None = None) -> bool:
    return client.get(routes.ME, headers=credentials).status_code == 200


def post(
    client: FlaskClient, path: str = routes.LOGIN, headers: dict[str, str] = OWN, /, **fields: str
) -> TestResponse:
    """Send a form; one without fields has a type too."""
    kind = "application/x-www-form-urlencoded"
    return client.post(path, data=fields, headers=headers, content_type=kind)


def invalid_fields(page: str) -> list[str]:
    """The names of the fields that a page marks as wrong, whatever it says about them."""
    fields = Elements(page).of("input")
    return [field["name"] for field in fields if field.get("aria-invalid") == "true"]


def assert_leads_to(answer: TestResponse, path: str) -> None:
    assert (answer.status_code, answer.headers.get("Location")) == (303, path)


@contextmanager
def stored_user(app: Flask, name: str = USERNAME) -> Iterator[User]:
    """A user as the database holds it; changes made in the block are stored."""
    with app.app_context():
        user = User.find(name)
        assert user is not None
        yield user
        db.session.commit()


def add_user(app: Flask, name: str, password: str = PASSWORD) -> None:
    with app.app_context():
        create_user(name, password, check_password=False)


def stored_hash(app: Flask) -> str:
    with stored_user(app) as user:
        return user.password_hash


def grow_old(app: Flask) -> None:
    """Let an hour pass for each login, so that none is recent."""
    with app.app_context():
        db.session.execute(update(Login).values(authenticated=Login.authenticated - 3600))
        db.session.commit()


def give_roles(app: Flask, *names: str) -> None:
    with stored_user(app) as user:
        user.roles = [Role(name=name) for name in names]


class Client(FlaskClient):
    """Reads every answer to its end, so that no file stays open behind a static one."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **kwargs})


@pytest.fixture(scope="session", autouse=True)
def _nothing_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, testing.fast_hashes():
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        instance = str(tmp_path_factory.mktemp("instance"))
        patch.setattr(Flask, "auto_find_instance_path", lambda _: instance)
        # Else each app compiles the same pages.
        compiled = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("pages")))
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": compiled})
        yield


@pytest.fixture(scope="session")
def shared_apps() -> Iterator[dict[str, Flask]]:
    """An app of each token type that was asked for."""
    apps: dict[str, Flask] = {}
    yield apps
    for app in apps.values():
        _end(app)


@pytest.fixture
def token_type() -> str:
    """What a login by JSON gives; `@every_token_type` runs a test for each."""
    return "session"


@pytest.fixture
def make_app(token_type: str) -> Iterator[MakeApp]:
    """`make_app(app_env="production", CORS_ORIGINS=[…])`: lower case sets, upper case is policy."""
    apps: list[Flask] = []

    def make(**changes: Any) -> Flask:
        apps.append(_started(**{"TOKEN_TYPE": token_type, **changes}))
        return apps[-1]

    yield make
    for app in apps:
        _end(app)


@pytest.fixture
def app(shared_apps: dict[str, Flask], token_type: str) -> Flask:
    """An app that many tests look at; one that changes it makes another by `make_app`."""
    if token_type not in shared_apps:
        shared_apps[token_type] = _started(TOKEN_TYPE=token_type)
    _fill(shared_apps[token_type])
    return shared_apps[token_type]


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
def _begin_of_a_day() -> Iterator[None]:
    """Each test begins with a day."""
    yield
    clock.reset()


@pytest.fixture
def wait() -> Wait:
    """`wait(60)`: the clock of all apps goes on by 60 seconds, and stands still otherwise."""
    return clock.wait


def _started(**changes: Any) -> Flask:
    policy = {name: changes.pop(name) for name in list(changes) if name.isupper()}
    settings = testing.settings(Settings, **{**SETTINGS, **changes})
    app = create_app(settings, TESTING=True, **policy)
    app_state(app)[CLOCK] = clock.__call__
    app.test_client_class = Client
    app.config["PREFERRED_URL_SCHEME"] = "https" if app.config["PRODUCTION"] else "http"
    _fill(app)
    return app


def _fill(app: Flask) -> None:
    """Give the database one user and nothing else."""
    testing.create_tables(app)
    testing.reset(app)
    add_user(app, USERNAME)


def _end(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()
