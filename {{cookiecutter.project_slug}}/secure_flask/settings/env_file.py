"""Reads `.env`, the settings for development, and adds missing secrets to it.

Lines are only ever added at the end, so an interruption loses no key. A line that cannot be read
stops the app, since it may be a setting that makes the app stricter. Source: OWASP ASVS 13.3.1.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream


class LineError(ValueError):
    """A line is no setting. The message names it and does not repeat it: it may be a secret."""


# What `read` and `complete` raise.
UNUSABLE = (OSError, UnicodeDecodeError, LineError)


def complete(path: Path, secrets: Mapping[str, str]) -> str:
    """Add the missing secrets to the file, or create it; return a message about the result.

    :raises UNUSABLE: the file cannot be read or written, is not UTF-8, or has a line of no setting.
    """
    exists = path.exists()
    given = read(path)
    # Never added to an existing file: without APP_ENV it means production.
    wanted = {**({} if exists else {"APP_ENV": "development"}), **secrets}
    missing = {name: value for name, value in wanted.items() if not given.get(name)}
    if missing:
        _add(path, missing)
    result = f"Added {', '.join(missing)} to {path.name}" if exists else f"Wrote {path.name}"
    result = result if missing else f"{path.name} has every secret already: kept"
    if not exists or given.get("APP_ENV"):
        return result
    return f"{result}\nIt sets no APP_ENV, which means production; for development add APP_ENV=development"


def read(path: object) -> dict[str, str | None]:
    """The settings as the app reads them: upper-case names, the last value of each.

    `path` is what pydantic takes for a file; where there is none, there are no settings.

    :raises UNUSABLE: as `complete`.
    """
    if not isinstance(path, Path) or not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        for statement in parse_stream(file):
            if statement.error:
                raise LineError(
                    f"line {statement.original.line} or the next cannot be read: write NAME=value "
                    "there, and close each quote"
                )
    return {name.upper(): value for name, value in dotenv_values(path).items()}


def explain(error: Exception) -> str:
    """What to do about one of UNUSABLE, as a sentence."""
    if isinstance(error, UnicodeDecodeError):
        return ".env is not UTF-8: write it again in UTF-8."
    if isinstance(error, OSError):
        return (
            f".env cannot be read or written ({error.strerror}): "
            "make it a plain file that you can read and write."
        )
    return f".env: {error}."


def _add(path: Path, values: Mapping[str, str]) -> None:
    # Readable only by its owner.
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    with open(descriptor, "a", encoding="utf-8") as file:
        text = path.read_text("utf-8")
        file.write("" if not text or text.endswith("\n") else "\n")
        file.writelines(f"{name}={value}\n" for name, value in values.items())
