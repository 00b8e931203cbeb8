"""A site at which nothing is to be found but what only its owner can know."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask.typing import ResponseReturnValue
from secure_flask import checks, testing
from secure_flask.auth import passwords
from secure_flask.auth.access import public
from secure_flask.checks import check_command, settings  # noqa: F401 - registers all
from secure_flask.database import db
from secure_flask.database.database import migrate

from core.conftest import MakeApp

CLEAN: dict[str, Any] = {
    "app_env": "production",
    "trusted_hosts": ["www.safe.test"],
    "proxy_hops": 1,
    "rate_limit": "10000 per minute",
    "database_url": "sqlite:///:memory:",
    "SECURITY_CONTACT": "security@safe.test",
    "TESTING": False,
}

# What is right for one process that serves the whole site, as the clean one is.
ALONE = ["database.sqlite", "redis.missing"]

StartPage = Callable[[], ResponseReturnValue]
MakeSite = Callable[..., Flask]
Find = Callable[..., list[str]]


def found_in(app: Flask, finding_id: str) -> list[str]:
    """What the messages of one check say of an app."""
    with app.app_context():
        found = checks.CHECKS[finding_id].find_findings(app)
    assert all(finding.message and finding.hint for finding in found)
    return [finding.message for finding in found]


@pytest.fixture(autouse=True)
def _checks_of_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it, and what the machine is like does not count."""
    monkeypatch.setattr(checks, "CHECKS", dict(checks.CHECKS))
    monkeypatch.setattr(settings, "CONTAINER_FILES", ())
    for name in ("BIND_HOST", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)


def _make(make_app: MakeApp, start_page: StartPage = lambda: "a page", **changes: Any) -> Flask:
    app = make_app(**{**CLEAN, **changes})
    app.view_functions["site.index"] = public(start_page)
    return app


@pytest.fixture
def make_site(make_app: MakeApp) -> MakeSite:
    """`make_site(proxy_hops=0)`: the clean site but for that, as `make_app` takes it."""
    return lambda **changes: _make(make_app, **changes)


@pytest.fixture(scope="module")
def _clean(make_app: MakeApp) -> Flask:
    return _make(make_app)


@pytest.fixture
def find(_clean: Flask) -> Find:
    """`find("proxies.none", PROXY_HOPS=0)`: what one check says where the app has that value."""

    def find(finding_id: str, **values: Any) -> list[str]:
        with testing.thawed(_clean):
            # Tests cannot thaw names of the database, which the check reads here.
            dict.update(_clean.config, values)
            return found_in(_clean, finding_id)

    return find


@pytest.fixture
def make_migrated(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> MakeSite:
    """`make_site`, with all migrations applied and the list of breached passwords installed."""
    monkeypatch.setattr(passwords, "has_breach_list", lambda: True)

    def make(**changes: Any) -> Flask:
        app = make_site(**changes)
        with app.app_context(), db.engine.begin() as connection:
            script = ScriptDirectory.from_config(migrate.get_config())
            MigrationContext.configure(connection).stamp(script, "head")
        return app

    return make
