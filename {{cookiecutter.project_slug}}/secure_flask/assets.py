"""Static files with a content hash in the URL and Subresource Integrity.

The hash lets browsers cache a file for a year. The integrity makes them refuse a file that
was changed in transit. Only regular files in `app/static` are served: a symbolic link could
lead anywhere, and hidden files are not meant for visitors. In a style sheet, `url(…)` of another
file here, such as a font, gets the hash of that file.
Source: W3C Subresource Integrity; OWASP ASVS 3.6.1, 13.4.1.
"""

import mimetypes
import os
import re
from base64 import b64encode
from functools import lru_cache, partial
from hashlib import sha384
from io import BytesIO
from pathlib import Path
from posixpath import normpath
from typing import NamedTuple

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    request,
    send_file,
    send_from_directory,
    url_for,
)
from secure_flask.auth.access import public

YEAR = 365 * 24 * 60 * 60  # seconds

# Absolute paths, hidden files, backup files of editors, and alternative spellings on Windows.
_NOT_FOR_VISITORS = re.compile(r"^/|(?:^|/)\.|[~. ](?:/|$)|[\\:\0]")
# In a style sheet, what may be another file here: path, query (as of icon fonts) and fragment.
_ADDRESS = re.compile(rb"""url\(\s*(["']?)([\w./-]+)(?:\?[^\s"'()\\#]*)?(#[\w.-]*)?\1\s*\)""")


class Asset(NamedTuple):
    """The attributes of a tag: `url` for `src` or `href`, and `integrity`."""

    url: str
    integrity: str


def asset(filename: str) -> Asset:
    """The asset for a path below `app/static/`.

    :raises FileNotFoundError: there is no such file, or it must not be served.
    """
    path = find(filename)
    if path is None:
        raise FileNotFoundError(
            f"app/static/{filename} is missing, a link, hidden or a backup: put a plain file there."
        )
    # The times of the last changes are part of the cache key, so that an edit takes effect at once.
    files = (path, *_files_in(path).values())
    integrity = _integrity(path, tuple(map(_changed, files)))
    return Asset(url_for("static", filename=filename, v=_version(integrity)), integrity)


def folder(app: Flask = current_app) -> Path:
    """The folder of static files: `static` in the app's package."""
    # The folder itself may be a symbolic link, but no file in it.
    return Path(os.path.realpath(app.root_path)) / "static"


def find(filename: str) -> Path | None:
    """The file to serve for this name, or None."""
    # Only the normalised path is accepted, so `..` cannot leave the folder.
    if _NOT_FOR_VISITORS.search(filename) or normpath(filename) != filename:
        return None
    path = os.path.join(folder(), filename)
    return Path(path) if os.path.realpath(path) == path and os.path.isfile(path) else None


def init_app(app: Flask) -> None:
    # The Windows registry may map .js to text/plain, and with `nosniff` scripts would not run.
    mimetypes.add_type("text/javascript", ".js")
    app.add_template_global(asset)
    # For error.html, which must not fail where `page.css` is deleted.
    app.add_template_test(lambda filename: find(filename) is not None, "asset")
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=public(_serve))


@lru_cache(maxsize=1024)
def _integrity(path: Path, changed: tuple[int, ...]) -> str:
    return "sha384-" + b64encode(sha384(_content(path)).digest()).decode()


def _version(integrity: str) -> str:
    return integrity[-16:].replace("+", "-").replace("/", "_")


def _content(path: Path) -> bytes:
    """What is sent: the file, in which addresses of other files have their version as the query."""
    content, files = path.read_bytes(), _files_in(path)
    return _ADDRESS.sub(partial(_with_version, files), content) if files else content


def _with_version(files: dict[str, Path], address: re.Match[bytes]) -> bytes:
    file = files.get(address[2].decode())
    if file is None or find(_name_of(file)) is None:
        return address[0]
    version = _version(asset(_name_of(file)).integrity)
    return b'url("%s?v=%s%s")' % (address[2], version.encode(), address[3] or b"")


def _files_in(path: Path) -> dict[str, Path]:
    """The files here that a style sheet names, such as fonts, by the names in it."""
    return _read_files(path, _changed(path)) if path.suffix == ".css" else {}


@lru_cache(maxsize=1024)
def _read_files(path: Path, changed: int) -> dict[str, Path]:
    names = {address[2].decode() for address in _ADDRESS.finditer(path.read_bytes())}
    found = {name: find(_name_of(path.parent / name)) for name in names}
    # No other style sheet, since two may name each other.
    return {name: file for name, file in found.items() if file and file.suffix != ".css"}


def _changed(path: Path) -> int:
    """When a file was changed last; 0 where it was deleted."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _name_of(path: Path) -> str:
    return Path(os.path.relpath(path, folder())).as_posix()


def _serve(filename: str) -> Response:
    path = find(filename)
    if path is None:
        abort(404)
    response = _send(path)
    # Not for a 412, which would be cached like a 200.
    if response.status_code < 400 and request.args.get("v") == _version(asset(filename).integrity):
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = YEAR
        response.cache_control.immutable = True
    return response


def _send(path: Path) -> Response:
    if not _files_in(path):
        return send_from_directory(folder(), _name_of(path), conditional=True)
    version = _version(asset(_name_of(path)).integrity)
    return send_file(BytesIO(_content(path)), "text/css", conditional=True, etag=version)
