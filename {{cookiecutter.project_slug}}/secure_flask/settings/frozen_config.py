"""Freezes `app.config`, so that no value in it is ignored or weakens a protection.

Before `init_app`, `app.config` may not hold another value than the settings. After it, a line that
changes a name of the settings, of the policy or of the database raises an error. So a test that was
meant for another database does not empty this one. Names of Flask stay open, unless the new value
is weaker. No message contains a value, which may be a secret.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from flask import Config, Flask, Request, current_app
from secure_flask.csp_levels import Level
from secure_flask.settings import Settings, SettingsError
from secure_flask.settings.types import is_weak_secret
from secure_flask.web.flask_hooks import on_top_of

# Takes `app.config`, and raises an error if a value of Flask's in it weakens a protection.
ConfigCheck = Callable[[Mapping[str, Any]], None]

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


class FrozenConfig(Config):
    """`app.config` after `init_app`."""

    # What to write instead, for each name that is frozen.
    frozen: Mapping[str, str]
    checks: Sequence[ConfigCheck]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.frozen:
            for check in self.checks:
                check({**self, name: value})
            super().__setitem__(name, _of_flask(name, value))
        elif self.get(name) != value:
            raise SettingsError(self.frozen[name])

    def __delitem__(self, name: str) -> None:
        self._refuse_removal(name)
        super().__delitem__(name)

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, ({**self},)  # A copy is a plain dict, which may change.

    def update(self, *others: Any, **values: Any) -> None:
        for name, value in dict(*others, **values).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self.get(name)

    def pop(self, name: str, *default: Any) -> Any:
        self._refuse_removal(name)
        return super().pop(name, *default)

    def popitem(self) -> tuple[str, Any]:
        self._refuse_removal(*self)
        return super().popitem()

    def clear(self) -> None:
        self._refuse_removal(*self)
        super().clear()

    def _refuse_removal(self, *names: str) -> None:
        for name in names:
            if name in self and name in self.frozen:
                raise SettingsError(self.frozen[name])


class Frozen:
    """A list or dict in `app.config` that no line changes. A copy is a plain one, which may change."""

    advice = ""

    def refuse(self, *_arguments: object, **_keywords: object) -> NoReturn:
        raise SettingsError(self.advice)


class FrozenList(Frozen, list[Any]):
    append = extend = insert = remove = pop = clear = sort = reverse = Frozen.refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = Frozen.refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return list, ([*self],)


class FrozenDict(Frozen, dict[Any, Any]):
    update = setdefault = pop = popitem = clear = Frozen.refuse
    __setitem__ = __delitem__ = __ior__ = Frozen.refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, ({**self},)


def freeze_config(app: Flask, settings: Settings, checks: Sequence[ConfigCheck]) -> None:
    """Refuse each later line that changes a frozen name, or that `checks` refuse.

    :raises PolicyError: a value in `app.config` weakens a protection already.
    """
    config: Any = app.config
    for check in checks:
        check(config)
    frozen = _frozen_names(config, settings)
    for name, value in {**config}.items():
        is_frozen = name in frozen
        config[name] = _frozen(value, frozen[name]) if is_frozen else _of_flask(name, value)
    # The class changes, not the object, since modules keep a reference to the object.
    config.__class__ = on_top_of(type(config), FrozenConfig, Config)
    config.frozen, config.checks = frozen, checks


def refuse_replaced_config(config: Config, _request: Request) -> None:
    """
    :raises SettingsError: the app has another object than `config`.
    """
    if current_app.config is not config:
        raise SettingsError(
            "app.config was replaced after secure_flask.init_app: keep the object, and set names "
            "in it before init_app."
        )


def _frozen_names(config: Config, settings: Settings) -> dict[str, str]:
    given = settings.for_flask()
    of_policy = settings.policy.model_fields.keys() - Flask.default_config.keys()
    # Flask-SQLAlchemy has read its names.
    of_database = {name for name in config if name.startswith("SQLALCHEMY_")}
    # Code that sets SECRET_KEY in production reveals it. In a test it is made up.
    of_tests = set() if given["PRODUCTION"] else {"SECRET_KEY"}
    return {
        name: "app.config does not change after secure_flask.init_app. Set this before:"
        f"{_how_to_set([name], given)}"
        for name in (given.keys() | of_policy | of_database) - of_tests
    }


def _of_flask(name: str, value: Any) -> Any:
    """The value of a name that stays open. A list of Flask is replaced whole, so that it is checked."""
    if name not in Flask.default_config:
        return value
    return _frozen(value, f'{name}: write a new value, as in app.config["{name}"] = [].')


def _frozen(value: Any, advice: str) -> Any:
    """The value with lists and dicts that nobody changes. Other objects stay the same."""
    match value:
        case Level():
            return value._replace(directives=_frozen({**value.directives}, advice))
        case list():
            frozen: Any = FrozenList(_frozen(each, advice) for each in value)
        case dict():
            frozen = FrozenDict({name: _frozen(each, advice) for name, each in value.items()})
        case _:
            return value
    frozen.advice = advice
    return frozen


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
