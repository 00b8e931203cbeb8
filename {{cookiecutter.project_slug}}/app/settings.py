"""What the environment sets: secrets and addresses. What is forgotten fails closed.

`APP_ENV` is production unless `development` is asked for. In development a `.env`
file serves too; `python -m app.settings` writes one with fresh secrets.
Source: OWASP ASVS 13.3.1, 13.4.2.
"""

import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from limits import parse_many
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ENV_FILE = Path(__file__).parent.parent / ".env"
LOOPBACK_NAMES = ["localhost", "127.0.0.1", "::1"]
MIN_SECRET_LENGTH = 32  # characters
MIN_DIFFERENT_CHARACTERS = 10
PLACEHOLDERS = ("change", "secret", "example", "password", "placeholder", "your-", "todo")
HOW_TO_MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"

Names = Annotated[list[str], NoDecode]


class SettingsError(ValueError):
    """Settings that are missing or unsafe: every problem, how to mend it, and no value."""


class Settings(BaseSettings):
    """One field for each variable of the environment, by the same name."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=True,
    )

    app_env: Literal["production", "development"] = "production"
    flask_debug: bool = False
    secret_key: SecretStr = SecretStr("")
    database_url: SecretStr = SecretStr("sqlite:///app.db")
    redis_url: SecretStr | None = None
    trusted_hosts: Names = []
    proxy_hops: int = Field(0, ge=0, le=10)
    csp_report_only: bool = False
    login_rate_limit: str = "5 per minute"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def production(self) -> bool:
        return self.app_env == "production"

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        :raises SettingsError: lists every problem at once and repeats no value.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None

    @field_validator("flask_debug")
    @classmethod
    def _no_debug_in_production(cls, debug: bool, info: ValidationInfo) -> bool:
        if debug and _in_production(info):
            raise ValueError("the debugger runs code for anybody: unset it")
        return debug

    @field_validator("secret_key")
    @classmethod
    def _strong(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if not text:
            raise ValueError(f"is missing: set it to what this prints: {HOW_TO_MAKE_ONE}")
        weak = len(text) < MIN_SECRET_LENGTH or len(set(text)) < MIN_DIFFERENT_CHARACTERS
        if weak or any(word in text.lower() for word in PLACEHOLDERS):
            raise ValueError(
                f"is short or a placeholder: set it to what this prints: {HOW_TO_MAKE_ONE}"
            )
        return secret

    @field_validator("database_url")
    @classmethod
    def _known_driver(cls, url: SecretStr) -> SecretStr:
        scheme, separator, rest = url.get_secret_value().partition("://")
        if scheme in ("postgres", "postgresql"):
            scheme = "postgresql+psycopg"
        if scheme not in ("sqlite", "postgresql+psycopg") or not separator:
            raise ValueError("must be sqlite:///file.db or postgresql://user:password@host/name")
        return SecretStr(f"{scheme}://{rest}")

    @field_validator("trusted_hosts", mode="before")
    @classmethod
    def _split(cls, names: Any) -> Any:
        return names.replace(",", " ").split() if isinstance(names, str) else names

    @field_validator("trusted_hosts")
    @classmethod
    def _exact_names(cls, names: list[str], info: ValidationInfo) -> list[str]:
        if not names and not _in_production(info):
            return LOOPBACK_NAMES
        if not names:
            raise ValueError("is missing: list the names of this site, as in www.example.org")
        if any(set(name) & set("*/:@") or name.startswith(".") for name in names):
            raise ValueError("must hold exact names without port, scheme or wildcard")
        return [name.lower() for name in names]

    @field_validator("login_rate_limit")
    @classmethod
    def _readable_limit(cls, limit: str) -> str:
        try:
            parse_many(limit)
        except ValueError:
            raise ValueError("must read like: 5 per minute") from None
        return limit

    def check_workers(self, workers: int) -> None:
        """Refuse more processes than these settings can serve together.

        :raises SettingsError: says what to set.
        """
        problems = []
        if workers > 1 and self.redis_url is None:
            problems.append("REDIS_URL: each worker would count failed logins for itself: set it")
        if workers > 1 and self.database_url.get_secret_value().startswith("sqlite"):
            problems.append("DATABASE_URL: SQLite serves one worker: name a PostgreSQL")
        if problems and self.production:
            raise SettingsError("\n  ".join([f"{workers} workers need more settings:", *problems]))

    def for_flask(self) -> dict[str, Any]:
        """The same by upper-case name, as Flask keeps configuration, and PRODUCTION."""
        shown = {
            name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self
        }
        return {**shown, "PRODUCTION": self.production}


def write_env_file(path: Path = ENV_FILE) -> bool:
    """Write development settings with fresh secrets, readable by you alone; keep an old file."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(f"APP_ENV=development\nSECRET_KEY={secrets.token_urlsafe(48)}\n")
    return True


def _in_production(info: ValidationInfo) -> bool:
    # An APP_ENV that was refused counts as production.
    return info.data.get("app_env") != "development"


def _explain(error: ValidationError) -> str:
    problems = [
        f"{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    hint = "For development, `python -m app.settings` writes a .env file with what is needed."
    return "\n  ".join(["This app does not start with these settings:", *problems]) + f"\n{hint}"


if __name__ == "__main__":
    written = write_env_file()
    print(f"Wrote {ENV_FILE.name}" if written else f"{ENV_FILE.name} is there already: kept")
