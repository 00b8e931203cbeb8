"""Reads `.env`, the settings for development, and adds missing secrets to it.

A half-written file could lose encryption keys and the data encrypted with them, so the file
is replaced atomically. A line that cannot be read stops the app, since it may be a setting that
makes the app stricter. Source: OWASP ASVS 13.3.1.
"""

import errno
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream


class LineError(ValueError):
    """A line is no setting. The message names it and does not repeat it: it may be a secret."""


# What `read` and `complete` raise.
UNUSABLE = (OSError, UnicodeDecodeError, LineError)


def complete(path: Path, secrets: Mapping[str, str]) -> str:
    """Add the missing secrets to the file, or create it; return a message about the result.

    :raises OSError: the file cannot be read or written.
    :raises UnicodeDecodeError: the file is not UTF-8.
    :raises LineError: a line is no setting.
    """
    # The target of a symbolic link is replaced, not the link.
    file = Path(os.path.realpath(path))
    if not os.path.lexists(file):
        _replace(file, _lines({"APP_ENV": "development", **secrets}, b"\n"))
        return f"Wrote {path.name}"
    kept = _read(file)
    values = _values(kept.decode())
    missing = {name: value for name, value in secrets.items() if not values.get(name)}
    result = f"{path.name} has every secret already: kept"
    if missing:
        _add(file, kept, missing)
        result = f"Added {', '.join(missing)} to {path.name}"
    if values.get("APP_ENV"):
        return result
    # Never added to an existing file: without APP_ENV it means production.
    return f"{result}\nIt sets no APP_ENV, which means production; for development add APP_ENV=development"


def read(path: object) -> dict[str, str | None]:
    """The settings as the app reads them: upper-case names, the last value of each.

    `path` is what pydantic takes for a file; where there is none, there are no settings.

    :raises OSError: the file cannot be read.
    :raises UnicodeDecodeError: the file is not UTF-8.
    :raises LineError: a line is no setting.
    """
    if not isinstance(path, Path) or not path.is_file():
        return {}
    return _values(path.read_bytes().decode())


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


def _read(file: Path) -> bytes:
    if not file.is_file():
        raise OSError(errno.EINVAL, "it is no plain file")
    return file.read_bytes()


def _values(content: str) -> dict[str, str | None]:
    for statement in parse_stream(StringIO(content)):
        if statement.error:
            raise LineError(
                f"line {_line(statement.original)} cannot be read: "
                "write NAME=value there, and close each quote"
            )
    values = dotenv_values(stream=StringIO(content))
    return {name.upper(): value for name, value in values.items()}


def _line(statement: Original) -> int:
    """The number of the first line that is not blank."""
    text = statement.string
    return statement.line + len(text[: -len(text.lstrip())].splitlines())


def _add(file: Path, kept: bytes, missing: Mapping[str, str]) -> None:
    end = b"\r\n" if b"\r\n" in kept else b"\n"
    last_line_end = b"" if not kept or kept.endswith(b"\n") else end
    _replace(file, kept + last_line_end + _lines(missing, end))


def _lines(values: Mapping[str, str], end: bytes) -> bytes:
    return b"".join(f"{name}={value}".encode() + end for name, value in values.items())


def _replace(file: Path, content: bytes) -> None:
    # mkstemp makes the file readable only by its owner; it then gets the mode of the old file.
    descriptor, temporary = tempfile.mkstemp(prefix=".env.", dir=file.parent)
    try:
        with open(descriptor, "wb") as new:
            new.write(content)
            new.flush()
            os.fsync(descriptor)
        with suppress(FileNotFoundError):
            os.chmod(temporary, file.stat().st_mode)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
