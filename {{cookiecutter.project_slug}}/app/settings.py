"""The settings from the environment: secrets and addresses. A missing setting fails closed.

`APP_ENV` defaults to production. Settings can also be in a `.env` file, which
`make .env` creates for development, or completes with missing secrets.
Source: OWASP ASVS 13.3.1, 13.4.2.
"""

import secrets
import sys
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from app import env_file, key_settings, misspellings
from app.accounts import AccountSettings
from app.auth.tokens import TokenSettings
from app.crypto.keyring import KeyringText
from app.service_urls import DatabaseURL, RedisURL
from app.setting_types import MetricsAddress, RateLimit, Secret, in_production

ENV_FILE = Path(__file__).parent.parent / ".env"


class SettingsError(ValueError):
    """Settings are missing or insecure. The message lists every problem and its fix, no values."""


class Settings(AccountSettings, TokenSettings):
    """One field for each environment variable, with the same name."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=True,
    )

    flask_debug: bool = False
    secret_key: Secret = SecretStr("")
    encryption_keys: KeyringText = SecretStr("")
    blind_index_keys: KeyringText = SecretStr("")
    database_url: DatabaseURL = SecretStr("sqlite:///app.db")
    redis_url: RedisURL | None = None
    proxy_hops: int = Field(0, ge=0, le=10)
    web_concurrency: int = Field(1, ge=1)
    csp_report_only: bool = False
    login_rate_limit: RateLimit = "5 per minute"
    rate_limit: RateLimit | None = None
    max_logins: int = Field(20, ge=1)
    # In seconds; a load balancer asks `/readyz` at least once in that time.
    shutdown_delay: int = Field(5, ge=0, le=60)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    access_log: bool = False
    metrics_address: MetricsAddress | None = None

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
            raise SettingsError(_explain(error)) from None
        except (OSError, UnicodeDecodeError, env_file.LineError) as error:
            raise _unusable_file(error) from None

    @classmethod
    def misspelt(cls) -> dict[str, str]:
        """Each misspelt name in `.env` and the environment, with the setting that is meant."""
        given = env_file.read(cls.model_config.get("env_file"))
        return misspellings.of_settings({name.upper() for name in cls.model_fields}, given)

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


def write_env_file(path: Path = ENV_FILE) -> str:
    """Add the missing secrets to .env, or create it; return a message about the result.

    :raises SettingsError: the file cannot be read or written.
    """
    try:
        return env_file.complete(path, fresh_secrets())
    except (OSError, UnicodeDecodeError, env_file.LineError) as error:
        raise _unusable_file(error) from None


def fresh_secrets() -> dict[str, str]:
    """Generate a value for each required secret."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": key_settings.new(),
        "BLIND_INDEX_KEYS": key_settings.new(),
        **TokenSettings.fresh_secrets(),
    }


def _unusable_file(error: OSError | UnicodeDecodeError | env_file.LineError) -> SettingsError:
    if isinstance(error, UnicodeDecodeError):
        return SettingsError(f"{ENV_FILE.name} is not UTF-8: write it again in UTF-8.")
    if isinstance(error, env_file.LineError):
        return SettingsError(f"{ENV_FILE.name}: {error}.")
    return SettingsError(
        f"{ENV_FILE.name} cannot be read or written ({error.strerror}): "
        "make it a plain file that you can read and write."
    )


def _explain(error: ValidationError) -> str:
    problems = [
        f"{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    slips = Settings.misspelt().items()
    problems += [f"{name}: is no setting: is {meant} meant?" for name, meant in slips]
    hint = "For development, `make .env` adds the missing secrets to .env."
    return "\n  ".join(["This app does not start with these settings:", *problems]) + f"\n{hint}"


if __name__ == "__main__":
    try:
        print(write_env_file())
    except SettingsError as error:
        print(error, file=sys.stderr)
        # EX_CONFIG: `make run` stops at this status, but continues after an error in the code.
        sys.exit(78)
