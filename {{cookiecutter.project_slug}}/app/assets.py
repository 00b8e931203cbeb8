"""Static files: each by a URL that changes with its content, and its integrity.

The hash in the URL lets browsers keep a file for a year; the integrity makes them
refuse one that was changed on the way. Only plain files of `app/static` are served: a
link could lead anywhere, and a hidden file was not meant for visitors.
Source: W3C Subresource Integrity; OWASP ASVS 3.6.1, 13.4.1.
"""

import mimetypes
import os
import re
from base64 import b64encode
from functools import lru_cache
from hashlib import sha384
from pathlib import Path
from posixpath import normpath
from typing import NamedTuple

from flask import Flask, Response, abort, request, send_from_directory, url_for

# The folder itself may be a link; what is in it may not.
STATIC = (Path(__file__).parent / "static").resolve()
YEAR = 365 * 24 * 60 * 60  # seconds

# Other folders, hidden files, backups of editors, and what Windows takes for another name.
_NOT_FOR_VISITORS = re.compile(r"^/|(?:^|/)\.|[~. ](?:/|$)|[\\:\0]")


class Asset(NamedTuple):
    """What a page's tag needs: `src` or `href`, and `integrity`."""

    url: str
    integrity: str


def asset(filename: str) -> Asset:
    """A file below `app/static/`, by its path there.

    :raises FileNotFoundError: says what to do.
    """
    path = find(filename)
    if path is None:
        raise FileNotFoundError(
            f"app/static/{filename} is missing, a link, hidden or a backup: put a plain file there."
        )
    integrity = _integrity(path, path.stat().st_mtime_ns)
    return Asset(url_for("static", filename=filename, v=_version(integrity)), integrity)


def find(filename: str) -> Path | None:
    """The file that is served by this name; None where there is none."""
    # Only the one spelling of a path: no way up and down again.
    if _NOT_FOR_VISITORS.search(filename) or normpath(filename) != filename:
        return None
    path = os.path.join(STATIC, filename)
    return Path(path) if os.path.realpath(path) == path and os.path.isfile(path) else None


def init_app(app: Flask) -> None:
    # A Windows registry may say text/plain, which `nosniff` then keeps from running.
    mimetypes.add_type("text/javascript", ".js")
    app.add_template_global(asset)
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=_serve)


# The time of change is part of the key, so that an edit shows at once.
@lru_cache(maxsize=1024)
def _integrity(path: Path, changed: int) -> str:
    return "sha384-" + b64encode(sha384(path.read_bytes()).digest()).decode()


def _version(integrity: str) -> str:
    return integrity[-16:].replace("+", "-").replace("/", "_")


def _serve(filename: str) -> Response:
    if find(filename) is None:
        abort(404)
    answer = send_from_directory(STATIC, filename, conditional=_dates_are_readable())
    if answer.status_code == 412:
        # It would carry the file, and be kept as long.
        answer.close()
        abort(412)
    if request.args.get("v") == _version(asset(filename).integrity):
        answer.cache_control.no_cache = None
        answer.cache_control.public = True
        answer.cache_control.max_age = YEAR
        answer.cache_control.immutable = True
    return answer


def _dates_are_readable() -> bool:
    """Whether no date lies beyond the end of Python's calendar, at which Werkzeug would fail."""
    try:
        return bool([request.if_modified_since, request.if_unmodified_since, request.if_range])
    except OverflowError:
        return False
