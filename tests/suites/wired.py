"""`-p suites.wired`: protects each app that the tests create, as an owner would.

At the end of each `Flask(…)`, `secure_flask.init_app` gets settings of development and the two
values that no policy may lack. All views are open, as if PUBLIC_ENDPOINTS listed each of them,
since a suite knows nothing of our logins. Nothing else differs from a new project.
"""

from __future__ import annotations

from typing import Any

import secure_flask
from flask import Flask
from secure_flask import Settings, testing

POLICY = {"PROJECT_NAME": "Suite", "SECURITY_CONTACT": "security@example.org"}
SETTINGS: dict[str, Any] = {}


class EveryEndpoint(dict[str, str]):
    """PUBLIC_ENDPOINTS with each endpoint in it, also those that a test adds later."""

    def __contains__(self, endpoint: object) -> bool:
        return True


def pytest_configure() -> None:
    create = Flask.__init__

    def create_protected(app: Flask, *arguments: Any, **options: Any) -> None:
        create(app, *arguments, **options)
        app.config.update(POLICY)
        secure_flask.init_app(app, testing.settings(Settings, **SETTINGS))
        # `app.config` is frozen, and no policy may list every endpoint.
        dict.update(app.config, PUBLIC_ENDPOINTS=EveryEndpoint())

    Flask.__init__ = create_protected  # type: ignore[method-assign, assignment]
