"""The blog of Flask's tutorial in a project; tests/apps/test_flaskr.py adds the tutorial's own code."""

from typing import Any

from flask import Flask
from secure_flask import public, testing


def create_app(test_config: dict[str, Any] | None = None) -> Flask:
    """Create the app of the project; each test has a database in memory."""
    from app import create_app as create_project
    from app.settings import Settings

    settings = None if test_config is None else testing.settings(Settings)
    return create_project(settings, **(test_config or {}))


def init_app(app: Flask) -> None:
    """Add what the tutorial's `create_app` adds."""
    from flaskr import auth, blog  # type: ignore[attr-defined]

    @app.route("/hello")
    @public
    def hello() -> str:
        return "Hello, World!"

    app.register_blueprint(auth.bp)
    app.register_blueprint(blog.bp)
    app.add_url_rule("/", endpoint="index")
