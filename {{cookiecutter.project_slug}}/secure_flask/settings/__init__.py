"""The settings from the environment: secrets and addresses. A missing setting fails closed.

`APP_ENV` defaults to production. Settings can also be in a `.env` file, which
`make .env` creates for development, or completes with missing secrets.
Source: OWASP ASVS 13.3.1, 13.4.2.
"""

import os
from pathlib import Path
from typing import Any, Literal, Self

import click
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from secure_flask.settings import env_file, names
from secure_flask.settings.keyrings import Keyring, NumberedKeyring
from secure_flask.settings.service_urls import DatabaseURL, RedisURL
from secure_flask.settings.types import LOOPBACK_NAMES, HostNames, RateLimit, Secret, in_production

ENV_FILE = Path(__file__).parents[2] / ".env"
MAX_NAME = 255  # characters of an issuer or audience, which are part of each token


class SettingsError(click.ClickException):
    """Settings are missing or insecure. The message lists every problem and its fix, no values."""


class Settings(BaseSettings):
    """One field for each environment variable, with the same name. A subclass adds its own."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=True,
    )

    # These two first, since others depend on them.
    app_env: Literal["production", "development"] = "production"
    trusted_hosts: HostNames = []
    flask_debug: bool = False
    secret_key: Secret = SecretStr("")
    encryption_keys: NumberedKeyring = SecretStr("")
    blind_index_keys: NumberedKeyring = SecretStr("")
    # For the token types jwt and paseto, which demand the keys.
    token_keys: Keyring | None = None
    token_issuer: str = ""
    token_audience: str = ""
    database_url: DatabaseURL = SecretStr("sqlite:///app.db")
    redis_url: RedisURL | None = None
    proxy_hops: int = Field(0, ge=0, le=10)
    web_concurrency: int = Field(1, ge=1)
    csp_report_only: bool = False
    login_rate_limit: RateLimit = "5 per minute"
    rate_limit: RateLimit | None = None
    max_logins: int = Field(20, ge=1)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    access_log: bool = False

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        :raises SettingsError: a setting is missing or insecure.
        """
        try:
            # First: pydantic and Flask skip a line that they cannot read.
            env_file.read(cls.model_config.get("env_file"))
            return cls()
        except ValidationError as error:
            raise SettingsError(_explain(error, cls.misspelt())) from None
        except env_file.UNUSABLE as error:
            raise SettingsError(env_file.explain(error)) from None

    @classmethod
    def misspelt(cls) -> dict[str, str]:
        """Each misspelt name in `.env` and the environment, with the setting that is meant.

        A name that stands beside the setting itself is no slip.
        """
        written = env_file.read(cls.model_config.get("env_file"))
        given = {name.upper(): value for name, value in {**written, **os.environ}.items()}
        known = {name.upper() for name in cls.model_fields}
        missing = {name for name in known if not given.get(name)}
        return names.misspelt(given.keys() - known, missing)

    @field_validator("trusted_hosts")
    @classmethod
    def _named_in_production(cls, hosts: list[str], info: ValidationInfo) -> list[str]:
        if not hosts and in_production(info):
            raise ValueError("is missing: list the host names of this site, as in www.example.org")
        return hosts or LOOPBACK_NAMES

    @field_validator("flask_debug")
    @classmethod
    def _no_debugger_in_production(cls, debug: bool, info: ValidationInfo) -> bool:
        if debug and in_production(info):
            raise ValueError("the debugger runs code for anybody: unset it")
        return debug

    @field_validator("token_issuer", "token_audience")
    @classmethod
    def _this_site_by_default(cls, name: str, info: ValidationInfo) -> str:
        if len(name) > MAX_NAME or not name.isprintable() or " " in name:
            raise ValueError(f"must be at most {MAX_NAME} characters, without spaces")
        return name or f"https://{info.data.get('trusted_hosts', ['?'])[0]}"

    def check_workers(self, workers: int) -> None:
        """Refuse several worker processes without a shared database and shared rate limits.

        :raises SettingsError: a setting for several workers is missing.
        """
        problems = []
        if self.redis_url is None:
            problems.append("REDIS_URL: each worker would count failed logins separately: set it")
        if self.database_url.get_secret_value().startswith("sqlite"):
            problems.append("DATABASE_URL: SQLite supports only one worker: use PostgreSQL")
        if workers < 1:
            raise SettingsError(f"{workers} workers serve nobody: set WEB_CONCURRENCY to 1 or more")
        if problems and workers > 1 and self.app_env == "production":
            raise SettingsError("\n  ".join([f"{workers} workers need more settings:", *problems]))

    def for_flask(self) -> dict[str, Any]:
        """The settings by upper-case name for `app.config`, and PRODUCTION."""
        values = {
            name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self
        }
        return {**values, "PRODUCTION": self.app_env == "production"}


def _explain(error: ValidationError, slips: dict[str, str]) -> str:
    problems = [
        f"{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    problems += [f"{name}: is no setting: is {meant} meant?" for name, meant in slips.items()]
    hint = "For development, `make .env` adds the missing secrets to .env."
    return "\n  ".join(["This app does not start with these settings:", *problems]) + f"\n{hint}"
