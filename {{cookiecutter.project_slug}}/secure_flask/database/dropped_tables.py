"""Refuses that a test drops the tables of the database that `.env` names.

Most tests drop all tables at their end. Tests that were given no database of their own use that of
`.env`, which has the data of development.
"""

import sys
from pathlib import Path
from typing import Any

from flask import current_app
from pydantic_settings import DotEnvSettingsSource
from secure_flask.settings import ENV_FILE, Settings, SettingsError
from secure_flask.settings.types import INSTANCE
from sqlalchemy import URL, Connection, make_url

_REFUSED = (
    "This test would drop all tables of the database of .env. Give your tests one of their own: "
    'create_app(testing.settings(Settings, database_url="sqlite://")), or '
    'os.environ["DATABASE_URL"] = "sqlite://" at the top of conftest.py, above the import of the '
    "app."
)


def refuse_in_tests(target: object, connection: Connection, **options: object) -> None:
    """Listen to `before_drop` of tables.

    :raises SettingsError: a test would drop the tables of the database of `.env`.
    """
    if _in_tests() and ENV_FILE.exists() and _place(connection.engine.url) == _place_of_env_file():
        raise SettingsError(_REFUSED)


def _in_tests() -> bool:
    return "pytest" in sys.modules or bool(current_app and current_app.testing)


def _place_of_env_file() -> object:
    found = DotEnvSettingsSource(Settings, env_file=ENV_FILE)()
    default = Settings.model_fields["database_url"].default.get_secret_value()
    return _place(make_url(found.get("database_url") or default))


def _place(url: URL) -> tuple[Any, ...]:
    """What names a database, however its address is written: a file, or hosts with a name."""
    if url.get_backend_name() != "sqlite":
        return (url.host, url.port or 5432, url.database, url.query.get("host"))
    if url.database in (None, "", ":memory:"):
        # Each has a memory of its own, so none is that of `.env`.
        return (object(),)
    folder = Path(current_app.instance_path) if current_app else INSTANCE
    return ((folder / str(url.database)).resolve(),)
