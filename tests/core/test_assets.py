"""Static files, as a browser fetches and keeps them."""

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from secure_flask import assets, public
from secure_flask.assets import Asset, asset, import_map

from core.conftest import protect

NAME = "probe.css"

ELSEWHERE = [
    *("../private.txt", f"x/../{NAME}", "x/../../private.txt", "."),
    *("..%2fprivate.txt", "..%5cprivate.txt", "..\\private.txt"),
    *("/etc/passwd", "%2fetc%2fpasswd", "C:/Windows/win.ini"),
    *("%00", f"{NAME}%00", f"{NAME}%00.txt", "%ff", "%ed%a0%80", "x" * 5000),
]

HIDDEN = [
    *(".env", ".git/HEAD", "lib/.htpasswd", ".page.css.swp", "page.css~"),
    # As Windows reads them, another file or a part of one.
    *("page.css.", "page.css ", "page.css::$DATA", "lib\\page.css"),
]


@pytest.fixture(autouse=True)
def static(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The app's `static` with one file, beside a file that is not meant to be public."""
    (tmp_path / "private.txt").write_text("not public")
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / NAME).write_text("p {}")
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    return assets.asset_folder(app)


def of(app: Flask, name: str) -> Asset:
    with app.test_request_context():
        return asset(name)


def is_refused(app: Flask, client: FlaskClient, name: str) -> bool:
    """Whether a file is neither served nor given to a page, which learns what to do."""
    with pytest.raises(FileNotFoundError, match="put a plain file there"):
        of(app, name)
    return client.get(f"/static/{name}").status_code == 404


def link(path: Path, target: Path | str) -> str:
    """Make a symbolic link; gives its name."""
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("Windows lets few people make links")
    return path.name


@pytest.mark.asvs("11.4.3")
def test_the_integrity_is_that_of_the_bytes_sent(
    app: Flask, client: FlaskClient, static: Path
) -> None:
    before = of(app, NAME)
    digest = hashlib.sha384(client.get(before.url).data).digest()
    assert before.integrity == f"sha384-{b64encode(digest).decode()}"
    # An edited file gets another url at once.
    (static / NAME).write_text("p {color: red}")
    after = of(app, NAME)
    assert before.url != after.url
    assert before.integrity != after.integrity
    assert "immutable" not in client.get(before.url).headers["Cache-Control"]


def test_an_import_map_gives_each_module_its_hashes(
    app: Flask,
    client: FlaskClient,
    static: Path,
    subtests: pytest.Subtests,
) -> None:
    (static / "lib").mkdir()
    (static / "lib" / "a.js").write_text("export const a = 1")
    page = """{{ import_map("lib/a.js", "NAME") | tojson }}""".replace("NAME", NAME)
    with app.test_request_context():
        written = json.loads(render_template_string(page))
    for name in "lib/a.js", NAME:
        with subtests.test(name=name):
            url, integrity = of(app, name)
            assert written["imports"][f"/static/{name}"] == url
            assert written["integrity"][url] == integrity
            assert "immutable" in client.get(url).headers["Cache-Control"]
    script = client.get("/static/lib/a.js")
    assert script.content_type == "text/javascript; charset=utf-8"
    with app.test_request_context(), pytest.raises(FileNotFoundError, match=r"gone\.js is missing"):
        import_map("gone.js")


def test_under_its_own_hash_a_file_is_kept_for_a_year_and_no_refusal_is(
    app: Flask, client: FlaskClient
) -> None:
    url = of(app, NAME).url
    answer = client.get(url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    again = client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "immutable" in again.headers["Cache-Control"]
    refused = client.get(url, headers={"If-Match": '"another"'})
    assert refused.status_code == 412
    assert "immutable" not in refused.headers["Cache-Control"]


@pytest.mark.asvs("14.2.5")
def test_under_any_other_address_a_file_is_asked_for_again(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for query in ("", "?v=", "?v=0123456789abcdef", "?V=x"):
        with subtests.test(query=query):
            answer = client.get(f"/static/{NAME}{query}")
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    # A date beyond every calendar is no crash.
    for name in ("If-Modified-Since", "If-Unmodified-Since", "If-Range"):
        with subtests.test(name=name):
            odd = {name: "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Range": "bytes=0-"}
            assert client.get(f"/static/{NAME}", headers=odd).status_code < 500


@pytest.mark.asvs("14.2.5")
def test_no_path_leads_out_of_the_folder(client: FlaskClient) -> None:
    answers = [client.get(f"/static/{path}", follow_redirects=True) for path in ELSEWHERE]
    assert [answer.request.path for answer in answers if answer.status_code != 404] == []


@pytest.mark.asvs("14.2.5")
def test_no_link_is_followed(app: Flask, client: FlaskClient, static: Path) -> None:
    assert is_refused(app, client, link(static / "link.txt", static.parent / "private.txt"))
    assert is_refused(app, client, link(static / "up.txt", "../private.txt"))
    assert is_refused(app, client, link(static / "chain.txt", "up.txt"))
    assert is_refused(app, client, link(static / "folder", static.parent) + "/private.txt")
    assert is_refused(app, client, "folder/static/../private.txt")
    assert is_refused(app, client, link(static / "other.css", NAME))
    assert is_refused(app, client, link(static / "loop.css", "loop.css"))
    assert is_refused(app, client, link(static / "gone.css", "gone"))


@pytest.mark.asvs("13.4.1")
def test_files_that_editors_and_tools_leave_are_not_served(
    app: Flask, client: FlaskClient, static: Path
) -> None:
    (static / "lib").mkdir()
    for name in HIDDEN:
        (static / name).parent.mkdir(exist_ok=True)
        (static / name).write_text("not public")
    names = ("", "lib", "nothing.css", __file__, *HIDDEN)
    assert [name for name in names if not is_refused(app, client, name)] == []


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, "/static"),
        *(({"static_folder": folder}, "/static") for folder in ("static", Path("static"))),
        ({"static_folder": "assets"}, "/assets"),
        *(({"static_url_path": url}, url) for url in ("/files", "")),
        ({"static_folder": None, "static_url_path": "/files"}, "/files"),
    ],
)
def test_an_app_keeps_its_static_folder_and_the_path_of_its_files(
    tmp_path: Path, static: Path, options: dict[str, Any], path: str
) -> None:
    if options.get("static_folder") == "assets":
        static.rename(tmp_path / "assets")
    app = protect(Flask("bakery", root_path=str(tmp_path), **options))
    url = of(app, NAME).url
    assert url.startswith(f"{path}/{NAME}?v=")
    answer = app.test_client().get(url)
    assert (answer.status_code, answer.text) == (200, "p {}")
    assert "immutable" in answer.headers["Cache-Control"]
    (tmp_path / (options.get("static_folder") or "static") / ".env").write_text("not public")
    assert app.test_client().get(f"{path}/.env").status_code == 404


def test_a_view_that_the_app_calls_static_stays(tmp_path: Path) -> None:
    app = Flask("bakery", root_path=str(tmp_path), static_folder=None)
    app.add_url_rule("/own/<filename>", "static", public(lambda filename: f"own {filename}"))
    assert protect(app).test_client().get("/own/x").text == "own x"
