"""Refuses values in `app.config` that would have no effect, so that none is ignored silently.

Before `init_app`, `app.config` may not hold another value than the settings. After it, a name that
`init_app` read once may not change: the first request or connection raises an error. So a test that
was meant for another database does not empty this one. The names are noted while `init_app` reads
them. No message contains a value, which may be a secret.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Config, Flask, Request
from secure_flask.settings import Settings, SettingsError
from secure_flask.settings.types import is_weak_secret
from secure_flask.state import Key

# Values that Flask and Flask-SQLAlchemy put into `app.config` themselves.
_DEFAULTS = {**Flask.default_config, "SQLALCHEMY_DATABASE_URI": None}
# Names of `app.config` that come from a setting of another name.
_SETTINGS = {"SQLALCHEMY_DATABASE_URI": "DATABASE_URL", "PRODUCTION": "APP_ENV"}


def override_policy(app: Flask, overrides: Mapping[str, object]) -> None:
    """Replace names of `app.config` in a test: `override_policy(app, overrides)`.

    `overrides` are the keywords of `create_app`, as in `create_app(settings, MAX_LOGINS=1)`.

    :raises TypeError: a name is not upper case, such as that of a setting.
    """
    refused = [name for name in overrides if not name.isupper()]
    if refused:
        raise TypeError(
            f"{', '.join(refused)}: create_app takes upper-case names of app/policy.py, as in "
            "create_app(settings, TESTING=True). For a setting write "
            "create_app(testing.settings(Settings, database_url=…))."
        )
    app.config.update(overrides)


def refuse_other_objects(settings: object) -> None:
    """
    :raises TypeError: it is no Settings, but what other projects configure a test with.
    """
    if not isinstance(settings, Settings):
        raise TypeError(
            f"secure_flask.init_app got {type(settings).__name__} in place of settings: in a test "
            "write create_app(testing.settings(Settings, database_url=…), TESTING=True), settings "
            "in lower case and names of app/policy.py in upper case."
        )


def refuse_other_values(config: Mapping[str, Any], settings: Settings) -> None:
    """
    :raises SettingsError: `app.config` and the settings hold different values for a name, or
        `app.config` has the name in lower case.
    """
    given = settings.for_flask()
    given["SQLALCHEMY_DATABASE_URI"] = given["DATABASE_URL"]
    refused = [name for name, value in given.items() if not _agrees(config, name, value)]
    # Flask reads no name in lower case, so its value would be ignored.
    refused += [name.lower() for name in given if name.lower() in config]
    if refused:
        raise SettingsError(
            "app.config and the settings hold different values. The settings count, so remove "
            f"these from app.config:{_how_to_set(refused, given)}"
        )


def refuse_weak_fallbacks(config: Mapping[str, Any]) -> None:
    """
    :raises SettingsError: in production, Flask would accept what a weak key has signed.
    """
    # Flask would take each character of a text for a key, so a text instead of a list is weak.
    keys: Iterable[str | bytes] = config.get("SECRET_KEY_FALLBACKS") or ()
    as_bytes = [key.encode() if isinstance(key, str) else key for key in keys]
    if config["PRODUCTION"] and any(map(is_weak_secret, as_bytes)):
        raise SettingsError(
            "SECRET_KEY_FALLBACKS: a key is short, a placeholder or easy to guess. List only keys "
            "that SECRET_KEY could be. Without the others, the sessions end that they signed."
        )


class ReadOnce:
    """The names that `init_app` reads once, with the values that it found."""

    def __init__(self, config: Config, settings: Settings) -> None:
        # No reference to the app is kept, since its engines refer to this object.
        self._config = config
        self._settings = settings.for_flask()
        self._found: dict[str, object] = {}
        self._served = False

    @property
    def names(self) -> set[str]:
        return {*self._found}

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note each name that is read from `app.config` in the block."""
        names: set[str] = set()
        with _noted_reads(self._config, names):
            yield
        # Flask itself reads some names while it is set up, such as DEBUG for its log.
        for name in names - (Flask.default_config.keys() - self._settings.keys()):
            self._found[name] = _copied(self._config.get(name))
        if self._settings["PRODUCTION"]:
            # SECRET_KEY is read by each request, but may not change: code that sets it reveals it.
            self._found["SECRET_KEY"] = self._config["SECRET_KEY"]

    def check_first_request(self, request: Request) -> None:
        """
        :raises SettingsError: a name has changed since, or an old key is weak. Then the next
            request is checked too.
        """
        if not self._served:
            refuse_weak_fallbacks(self._config)
        self.check_connection()
        self._served = True

    def check_connection(self, *_arguments: object) -> None:
        """Check each use of a connection, until a request was served.

        :raises SettingsError: a name has changed since.
        """
        if self._served:
            return
        changed = [name for name, found in self._found.items() if self._config.get(name) != found]
        if changed:
            raise SettingsError(
                "app.config was changed after secure_flask.init_app had read it. Set these before:"
                f"{_how_to_set(sorted(changed), self._settings)}"
            )


READ_ONCE = Key[ReadOnce]("names of the configuration that are read once")


def _agrees(config: Mapping[str, Any], name: str, value: object) -> bool:
    present = config.get(name, value)
    # The default of a library is no conflict, since nobody wrote it.
    return bool(present == value or (name in _DEFAULTS and present == _DEFAULTS[name]))


def _how_to_set(names: Iterable[str], settings: Mapping[str, Any]) -> str:
    """A line for each name: how to set it in a test, and how in production."""
    lines = []
    for name in names:
        setting = _SETTINGS.get(name.upper(), name.upper())
        if setting in settings:
            as_setting = "" if setting == name else f"the setting {setting}; "
            test = f"testing.settings(Settings, {setting.lower()}=…)"
            elsewhere = f"{setting}=… in the environment, in development in .env"
        else:
            as_setting = ""
            test = f"create_app(settings, {name}=…)"
            elsewhere = f"{name} = … in app/policy.py"
        lines.append(f"\n  {name}: {as_setting}in a test write {test}, for production {elsewhere}")
    return "".join(lines)


@contextmanager
def _noted_reads(config: Config, names: set[str]) -> Iterator[None]:
    plain = type(config)

    class Noting(plain):  # type: ignore[misc, valid-type]
        def __getitem__(self, name: str) -> Any:
            names.add(name)
            return super().__getitem__(name)

        def get(self, name: str, default: Any = None) -> Any:
            names.add(name)
            return super().get(name, default)

        def setdefault(self, name: str, default: Any = None) -> Any:
            names.add(name)
            return super().setdefault(name, default)

    # The class changes, not the object, since modules keep a reference to the object.
    config.__class__ = Noting
    try:
        yield
    finally:
        config.__class__ = plain


def _copied(value: Any) -> Any:
    """A copy of lists and dicts, so that a later change of the original is noticed.

    Other objects are not copied: some, such as an SSL context, cannot be.
    """
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value
