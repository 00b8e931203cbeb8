"""A site at which nothing is to be found but what only its owner can know."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask.typing import ResponseReturnValue
from secure_flask.auth.access import public
from secure_flask.checks import command, registry  # noqa: F401 - the first registers all checks
from secure_flask.database import db
from secure_flask.database.database import migrate
from secure_flask.web.csp_syntax import NONCE, NONE, SELF

from core.conftest import MakeApp

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
    "web_concurrency": 1,
    "rate_limit": "10000 per minute",
    "database_url": "sqlite:///:memory:",
    "CSP": POLICY,
    "PUBLIC_ENDPOINTS": {},
    "FRAME_ANCESTORS": [NONE],
    "HEADERS": {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
    "PAGE_HEADERS": {"Referrer-Policy": "same-origin"},
    "OTHER_HEADERS": {"Referrer-Policy": "no-referrer"},
    "STRICT_TRANSPORT_SECURITY": "max-age=63072000; includeSubDomains",
    "SECURITY_CONTACT": "security@safe.test",
}

# What is right for one process that serves the whole site, as the clean one is.
ALONE = ["redis.missing", "database.sqlite"]

StartPage = Callable[[], ResponseReturnValue]
MakeSite = Callable[..., Flask]
Find = Callable[..., list[str]]


def found_in(app: Flask, finding_id: str) -> list[str]:
    """What the messages of one check say of an app."""
    with app.app_context():
        return [finding.message for finding in registry.CHECKS[finding_id].find(app)]


@pytest.fixture(autouse=True)
def _checks_of_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "CHECKS", dict(registry.CHECKS))


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
        with pytest.MonkeyPatch.context() as patch:
            for name, value in values.items():
                patch.setitem(_clean.config, name, value)
            return found_in(_clean, finding_id)

    return find


@pytest.fixture
def make_migrated(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> MakeSite:
    """`make_site`, with all migrations applied and the list of breached passwords installed."""
    monkeypatch.setattr("secure_flask.auth.password_rules.has_list", lambda: True)

    def make(**changes: Any) -> Flask:
        app = make_site(**changes)
        with app.app_context(), db.engine.begin() as connection:
            script = ScriptDirectory.from_config(migrate.get_config())
            MigrationContext.configure(connection).stamp(script, "head")
        return app

    return make
