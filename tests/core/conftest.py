"""The small site of site.py as the app of each test, and hashers that tests watch."""

# pytest finds fixtures by these names, and tests import the others from here.
# ruff: noqa: F403, F405

import importlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, Literal, NoReturn

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import init_app
from secure_flask.auth import user_changes, users
from secure_flask.clock import CLOCK
from secure_flask.settings import Settings
from secure_flask.state import app_state
from sqlalchemy.exc import OperationalError

from core import routes, site
from core.shared import *
from core.site import POLICY
from core.standing_clock import clock

# Their class of users is another one, so they have a process of their own:
# test_accounts_apart.py starts it.
collect_ignore = ["accounts"]


def pytest_collection_finish() -> None:
    """Let there be a class of users, unless the tests of accounts have brought theirs."""
    try:
        users.user_class()
    except users.NoUserClass:
        importlib.import_module("core.users")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logged, as pytest-xdist can send it: no UTF-8 holds half a surrogate pair."""
    report = yield
    report.sections = [
        (name, logged.encode(errors="backslashreplace").decode())
        for name, logged in report.sections
    ]
    return report


def bring_back_user(app: Flask) -> None:
    """Add the user again, whom a route may have deleted."""
    with app.app_context():
        if users.user_class().find(USERNAME) is None:
            user_changes.create_user(USERNAME, PASSWORD)


def slow_hasher(step: str, do: Callable[[], object], time_cost: int = 1) -> PasswordHasher:
    """A hasher for which `step`, "hash" or "verify", takes so long that `do` is done before."""

    def late(hasher: PasswordHasher, *arguments: Any) -> Any:
        do()
        return getattr(PasswordHasher, step)(hasher, *arguments)

    slow: PasswordHasher = type("Slow", (PasswordHasher,), {step: late})(time_cost, 8, 1)
    return slow


class CountingHasher(PasswordHasher):
    """Counts the hashes that a wrong password computes; one that cannot be read raises before."""

    computed = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        try:
            return super().verify(hash, password)
        except VerifyMismatchError:
            self.computed += 1
            raise


def away(*arguments: object, **options: object) -> NoReturn:
    """In place of what asks the database: the database is away."""
    raise OperationalError("SELECT 1", {}, OSError("host db1"))


def protect(app: Flask, *, error_bodies: Any = None, **changes: Any) -> Flask:
    """Protect an app that a test creates by itself; the changes are those of `make_app`."""
    replaced = {name: changes.pop(name) for name in list(changes) if name.isupper()}
    app.config.update({**POLICY, "TESTING": True, **replaced})
    settings = Settings(_env_file=None, **{**SETTINGS, **SECRETS, **changes})
    init_app(app, settings, error_bodies=error_bodies)
    app_state(app)[CLOCK] = clock.now
    return app


def set_account_rules(
    app: Flask,
    *,
    demands_second_factor: Callable[[Any], bool] = lambda user: False,
    second_step_of: Callable[[Any], users.BeginHalf | None] = lambda user: None,
) -> None:
    """Let an app without self-service accounts have users with second factors."""
    rules = users.AccountRules(demands_second_factor, second_step_of, away)
    app_state(app)[users.ACCOUNT_RULES] = rules


@pytest.fixture(scope="session")
def create_site() -> Create:
    """Creates the app of a test; the tests of accounts put another one in its place."""

    def create(values: dict[str, Any], **policy: Any) -> Flask:
        return site.create_app(Settings(_env_file=None, **values), **policy)

    return create


@pytest.fixture(scope="module")
def make_app(create_site: Create) -> Iterator[MakeApp]:
    """An app of its own for a test; see `apps_made_by`."""
    with apps_made_by(create_site) as make:
        yield make


@pytest.fixture
def app_context(app: Flask) -> Iterator[None]:
    """The test runs in the context of `app`."""
    with app.app_context():
        yield


@pytest.fixture
def token(client: FlaskClient) -> str:
    """The token that `client` got by logging in."""
    return str(client.post(routes.LOGIN, json=LOGIN).get_json()["token"])
