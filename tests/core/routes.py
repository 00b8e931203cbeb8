"""Where the routes of the login are, looked up by endpoint: a `url_prefix` changes no test."""

from typing import Any

import pytest
from pydantic import ValidationError
from werkzeug.routing import BuildError, Map

from app import create_app
from app.settings import Settings, fresh_secrets


def path_of(endpoint: str, **values: str) -> str:
    """The path of a route: `path_of("sessions.end", session_id="7")`.

    :raises LookupError: no route has this endpoint.
    """
    try:
        return _url_map.bind("localhost").build(endpoint, values)
    except BuildError:
        raise LookupError(
            f"No route has the endpoint {endpoint!r}. If you renamed its blueprint or view, "
            "change the name in the tests too."
        ) from None


def _read_url_map() -> Map:
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        settings: dict[str, Any] = {name.lower(): key for name, key in fresh_secrets().items()}
        settings |= {"app_env": "development", "database_url": "sqlite:///:memory:"}
        try:
            return create_app(Settings(_env_file=None, **settings), REGISTRATION=True).url_map
        except ValidationError as error:
            names = ", ".join(str(problem["loc"][0]).upper() for problem in error.errors())
            raise LookupError(
                f"The tests have no value for {names}. Give each a default in app/settings.py, "
                'or a random value in its fresh_secrets(); see "A setting of your own" in '
                "docs/reference/settings.md."
            ) from None


_url_map = _read_url_map()

LOGIN = path_of("login.login")
LOGOUT = path_of("login.logout")
ME = path_of("me.show")
PASSWORD = path_of("password_change.change")
SESSIONS = path_of("sessions.show")
