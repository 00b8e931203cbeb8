"""A site at which nothing is to be found but what only its owner can know."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from app.checks.registry import CHECKS
from app.db import db, migrate
from app.security.sources import NONCE, NONE, SELF
from tests.conftest import MakeApp

POLICY = {
    "default-src": [NONE],
    "script-src": [NONCE],
    "style-src": [SELF],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
CLEAN: dict[str, Any] = {
    "app_env": "production",
    "trusted_hosts": ["www.safe.test"],
    "proxy_hops": 1,
    "database_url": "sqlite:///:memory:",
    "CSP": POLICY,
    "FRAME_ANCESTORS": [NONE],
    "STRICT_TRANSPORT_SECURITY": "max-age=63072000; includeSubDomains",
    "SECURITY_CONTACT": "security@safe.test",
}

# What is right for one process that serves the whole site, as the clean one is.
ALONE = ["redis.missing", "database.sqlite"]

MakeSite = Callable[..., Flask]
Find = Callable[..., list[str]]


def found_in(app: Flask, finding_id: str) -> list[str]:
    """What the messages of one check say of an app."""
    with app.app_context():
        return [finding.message for finding in CHECKS[finding_id].find(app)]


@pytest.fixture
def make_site(make_app: MakeApp) -> MakeSite:
    """`make_site(proxy_hops=0)`: the clean site but for that, as `make_app` takes it."""
    return lambda **changes: make_app(**{**CLEAN, **changes})


@pytest.fixture(scope="module")
def _clean(make_app: MakeApp) -> Flask:
    return make_app(**CLEAN)


@pytest.fixture
def find(_clean: Flask, monkeypatch: pytest.MonkeyPatch) -> Find:
    """`find("proxies.none", PROXY_HOPS=0)`: what one check says where the app has that value."""

    def find(finding_id: str, **values: Any) -> list[str]:
        for name, value in values.items():
            monkeypatch.setitem(_clean.config, name, value)
        return found_in(_clean, finding_id)

    return find


@pytest.fixture
def site(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The clean site, all its migrations applied and the list of breached passwords there."""
    monkeypatch.setattr("app.auth.password_rules.has_list", lambda: True)
    app = make_site()
    with app.app_context(), db.engine.begin() as connection:
        script = ScriptDirectory.from_config(migrate.get_config())
        MigrationContext.configure(connection).stamp(script, "head")
    return app
