"""`.env`, the settings of development: what it lacks is added, and what is in it stays.

A half-written file would lose keys, and with them what they encrypted, so the whole file is
replaced at once. Source: OWASP ASVS 13.3.1.
"""

import errno
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values


def complete(path: Path, secrets: Mapping[str, str]) -> str:
    """Add the secrets that a file lacks, or make one for development; say what was done.

    :raises OSError: it cannot be read or written.
    :raises UnicodeDecodeError: it is not UTF-8.
    """
    # Behind a link, which stays one.
    file = Path(os.path.realpath(path))
    if not os.path.lexists(file):
        _replace(file, _lines({"APP_ENV": "development", **secrets}, b"\n"))
        return f"Wrote {path.name}"
    kept = _read(file)
    values = _values(kept)
    missing = {name: value for name, value in secrets.items() if not values.get(name)}
    done = f"{path.name} has every secret already: kept"
    if missing:
        _add(file, kept, missing)
        done = f"Added {', '.join(missing)} to {path.name}"
    if values.get("APP_ENV"):
        return done
    # Never added: production is what counts where nothing is said.
    return f"{done}\nIt sets no APP_ENV, which means production; for development add APP_ENV=development"


def _read(file: Path) -> bytes:
    if not file.is_file():
        raise OSError(errno.EINVAL, "it is no plain file")
    return file.read_bytes()


def _values(content: bytes) -> dict[str, str | None]:
    """As the app reads them: names in any case, and the last of each counts."""
    read = dotenv_values(stream=StringIO(content.decode()))
    return {name.upper(): value for name, value in read.items()}


def _add(file: Path, kept: bytes, missing: Mapping[str, str]) -> None:
    end = b"\r\n" if b"\r\n" in kept else b"\n"
    last_line_end = b"" if not kept or kept.endswith(b"\n") else end
    _replace(file, kept + last_line_end + _lines(missing, end))


def _lines(values: Mapping[str, str], end: bytes) -> bytes:
    return b"".join(f"{name}={value}".encode() + end for name, value in values.items())


def _replace(file: Path, content: bytes) -> None:
    # Readable by you alone, until it gets the mode of the file that it replaces.
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
