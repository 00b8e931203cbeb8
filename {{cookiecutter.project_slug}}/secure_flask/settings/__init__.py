"""The settings from the environment: secrets and addresses. A missing setting fails closed.

`APP_ENV` defaults to production. Settings can also be in a `.env` file, which
`python -m secure_flask.settings` creates for development, or completes with missing secrets.
Source: OWASP ASVS 13.3.1, 13.4.2.
"""

from io import StringIO
from pathlib import Path
from typing import ClassVar, Literal, Self

import click
from dotenv.parser import parse_stream
from pydantic import ByteSize, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from secure_flask.policy import Policy
from secure_flask.settings import keyrings
from secure_flask.settings.keyrings import Keyring, NumberedKeyring
from secure_flask.settings.types import (
    LOOPBACK_NAMES,
    DatabaseURL,
    HostNames,
    RateLimit,
    RedisURL,
    Secret,
    in_production,
)
from secure_flask.state import StateKey

ENV_FILE = Path(__file__).parents[2] / ".env"
UNREADABLE = ".env cannot be read: make it a file in UTF-8 with NAME=value on each line, and close each quote."


class SettingsError(click.ClickException):
    """Settings are missing or insecure. The message lists every problem and its fix, no values.

    `except SettingsError as error`: `error.message` (str) is for people; `flask` commands show it.
    """


class Settings(BaseSettings):
    """One field for each environment variable, with the same name. A subclass adds its own.

    `class Settings(secure_flask.Settings)` with `map_key: SecretStr`, which MAP_KEY sets, then
    `Settings.load()`. `max_request_body` is in bytes; limits are texts such as "5 per minute".
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=True,
    )

    # The policy that these settings go with; a subclass may know more names.
    policy: ClassVar[type[Policy]] = Policy

    # These two come first, since the validators of others read them.
    app_env: Literal["production", "development"] = "production"
    trusted_hosts: HostNames = ()
    flask_debug: bool = False
    secret_key: Secret = SecretStr("")
    encryption_keys: NumberedKeyring = SecretStr("")
    blind_index_keys: NumberedKeyring = SecretStr("")
    # The token type jwt needs these keys.
    token_keys: Keyring | None = None
    database_url: DatabaseURL = SecretStr("sqlite:///app.db")
    redis_url: RedisURL | None = None
    proxy_hops: int = Field(0, ge=0, le=10)
    max_request_body: ByteSize = ByteSize(128 * 2**10)  # bytes that the proxy accepts
    web_concurrency: int = Field(1, ge=1)
    csp_report_only: bool = False
    login_rate_limit: RateLimit = "5 per minute"
    rate_limit: RateLimit | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    access_log: bool = False

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        :raises SettingsError: a setting is missing or insecure.
        """
        # Check the file first: pydantic and Flask skip a line that they cannot read.
        names_in_file(cls.model_config.get("env_file"))
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    def __setattr__(self, name: str, value: object) -> None:
        if name in type(self).model_fields:
            raise SettingsError(
                f"The settings do not change: set {name.upper()} in the environment, in a test by "
                f"testing.settings(Settings, {name}=…)."
            )
        super().__setattr__(name, value)

    @field_validator("trusted_hosts")
    @classmethod
    def _named_in_production(cls, hosts: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not hosts and in_production(info):
            raise ValueError("is missing: list the host names of this site, as in www.example.org")
        return hosts or LOOPBACK_NAMES

    @field_validator("flask_debug")
    @classmethod
    def _no_debugger_in_production(cls, debug: bool, info: ValidationInfo) -> bool:
        if debug and in_production(info):
            raise ValueError("the debugger runs code for anybody: unset it")
        return debug

    def check_workers(self, workers: int) -> None:
        """Refuse several worker processes without a shared database and shared rate limits.

        :raises SettingsError: a setting for several workers is missing.
        """
        problems = []
        if self.redis_url is None:
            problems.append("REDIS_URL: each worker would count failed logins separately: set it")
        if self.database_url.get_secret_value().startswith("sqlite"):
            problems.append("DATABASE_URL: SQLite supports only one worker: use PostgreSQL")
        if problems and workers > 1 and self.app_env == "production":
            raise SettingsError("\n  ".join([f"{workers} workers need more settings:", *problems]))

    def check_token_keys(self, token_type: str) -> None:
        """
        :raises SettingsError: TOKEN_KEYS is missing, and jwt, which signs with them, is chosen.
        """
        if token_type == "jwt" and not self.token_keys:  # noqa: S105 - a kind of token, no password
            raise SettingsError(keyrings.NO_TOKEN_KEYS)

    def for_flask(self) -> dict[str, object]:
        """The settings by upper-case name for `app.config`, and PRODUCTION."""
        values = {
            name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self
        }
        return {**values, "PRODUCTION": self.app_env == "production"}


# The settings of the app, and the names that Flask and the settings put into `app.config`.
SETTINGS = StateKey[Settings]("settings")
KNOWN_NAMES = StateKey[set[str]]("known names")


def names_in_file(path: object) -> set[str]:
    """The upper-case names of the settings in this `.env` that have a value; none without a file.

    :raises SettingsError: a line cannot be read, and it may set a protection. The message does not
        quote the line, which may contain a secret.
    """
    if not isinstance(path, Path) or not path.exists():
        return set()
    try:
        statements = list(parse_stream(StringIO(path.read_text("utf-8"))))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(UNREADABLE) from None
    if any(statement.error for statement in statements):
        raise SettingsError(UNREADABLE)
    # The last value of each counts.
    last = {statement.key.upper(): statement.value for statement in statements if statement.key}
    return {name for name, value in last.items() if value}


def _explain(error: ValidationError) -> str:
    problems = [
        f"{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    hint = "For development, `python -m secure_flask.settings` adds the missing secrets to .env."
    return "\n  ".join(["This app does not start with these settings:", *problems]) + f"\n{hint}"
