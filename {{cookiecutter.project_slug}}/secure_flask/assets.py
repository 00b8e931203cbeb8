"""Static files with a content hash in the URL and Subresource Integrity.

The hash lets browsers cache a file for a year. The integrity makes them refuse a file that
was changed in transit. Only regular files in `app/static` are served: a symbolic link could
lead anywhere, and hidden files are not meant for visitors. Browsers also cache a file without a
hash in its URL, such as a font that a style sheet names, and ask at each use whether it changed.
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

from flask import Flask, Response, abort, current_app, request, send_from_directory, url_for
from secure_flask.auth.access import public
from secure_flask.web.flask_hooks import add_to_templates

YEAR = 365 * 24 * 60 * 60  # seconds

# Absolute paths, hidden files, backup files and alternative spellings on Windows are not served.
_NOT_FOR_VISITORS = re.compile(r"^/|(?:^|/)\.|[~. ](?:/|$)|[\\:\0]")


class Asset(NamedTuple):
    """The attributes of a tag: `url` for `src` or `href`, and `integrity`."""

    url: str
    integrity: str


def asset(filename: str) -> Asset:
    """The asset for a path below `app/static/`, or below the static folder that the app names.

    A template writes both attributes: `asset("page.css").url`, `asset("page.css").integrity`.

    :raises FileNotFoundError: there is no such file, or it must not be served.
    """
    path = find_asset(filename)
    if path is None:
        folder = os.path.relpath(asset_folder(), Path(current_app.root_path).resolve().parent)
        raise FileNotFoundError(
            f"{folder}/{filename} is missing, a link, hidden or a backup: put a plain file there."
        )
    # The time of the last change is part of the cache key, so that an edit takes effect at once.
    integrity = _integrity(path, path.stat().st_mtime_ns)
    return Asset(url_for("static", filename=filename, v=_version_of(integrity)), integrity)


def import_map(*filenames: str) -> dict[str, dict[str, str]]:
    """The import map of modules below `app/static/` that other modules import.

    A template writes `import_map("shapes.js") | tojson` into a `<script type="importmap">` with the
    nonce, above the first module. The map gives each file the URL with its hash, and its integrity.
    Source: HTML Standard, section "Import maps".

    :raises FileNotFoundError: there is no such file, or it must not be served.
    """
    imported = {url_for("static", filename=each): asset(each) for each in filenames}
    return {
        "imports": {address: each.url for address, each in imported.items()},
        "integrity": {each.url: each.integrity for each in imported.values()},
    }


def asset_folder(app: Flask = current_app) -> Path:
    """The static folder of the app, or `static` in the app's package if it has none."""
    # The folder itself may be a symbolic link, but no file in it.
    return Path(os.path.realpath(app.static_folder or os.path.join(app.root_path, "static")))


def find_asset(filename: str) -> Path | None:
    """The file to serve for this name, or None."""
    # Only the normalised path is accepted, so `..` cannot leave the folder.
    if _NOT_FOR_VISITORS.search(filename) or normpath(filename) != filename:
        return None
    path = os.path.join(asset_folder(), filename)
    return Path(path) if os.path.realpath(path) == path and os.path.isfile(path) else None


def init_app(app: Flask) -> None:
    # The Windows registry may map .js to text/plain, and with `nosniff` scripts would not run.
    mimetypes.add_type("text/javascript", ".js")
    # error.html uses the test, since an error page must not fail where `page.css` is deleted.
    add_to_templates(app, {"asset": asset, "import_map": import_map}, tests={"asset": _is_asset})
    if app.has_static_folder:
        # Flask has added the route, with the path and the host that the app chose.
        app.view_functions["static"] = public(_serve_asset)
    elif "static" not in app.view_functions:
        path = "/static" if app.static_url_path is None else app.static_url_path
        app.add_url_rule(f"{path}/<path:filename>", "static", public(_serve_asset))


def _is_asset(filename: str) -> bool:
    return find_asset(filename) is not None


@lru_cache(maxsize=1024)
def _integrity(path: Path, changed: int) -> str:
    return "sha384-" + b64encode(sha384(path.read_bytes()).digest()).decode()


def _version_of(integrity: str) -> str:
    return integrity[-16:].replace("+", "-").replace("/", "_")


def _serve_asset(filename: str) -> Response:
    if find_asset(filename) is None:
        abort(404)
    response = send_from_directory(asset_folder(), filename, conditional=True)
    # A 412 gets no lifetime, since browsers would cache it like a 200.
    if response.status_code < 400 and request.args.get("v") == _version_of(
        asset(filename).integrity
    ):
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = YEAR
        response.cache_control.immutable = True
    return response
