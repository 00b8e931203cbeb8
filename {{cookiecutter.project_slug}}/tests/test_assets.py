"""Static files, as a browser fetches and keeps them."""

import hashlib
from base64 import b64encode
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import assets
from app.assets import Asset, asset

NAMES = [
    name
    for file in sorted(assets.STATIC.rglob("*"))
    if assets.find(name := file.relative_to(assets.STATIC).as_posix())
]


def of(app: Flask, name: str) -> Asset:
    with app.test_request_context():
        return asset(name)


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `app/static`, beside a file that is not meant to be public."""
    (tmp_path / "private.txt").write_text("not public")
    (tmp_path / "static").mkdir()
    monkeypatch.setattr(assets, "STATIC", (tmp_path / "static").resolve())
    return assets.STATIC


@pytest.mark.asvs("11.4.3")
@pytest.mark.parametrize("name", NAMES)
def test_the_integrity_is_that_of_the_bytes_sent(
    app: Flask, client: FlaskClient, name: str
) -> None:
    url, integrity = of(app, name)
    digest = hashlib.sha384(client.get(url).data).digest()
    assert integrity == f"sha384-{b64encode(digest).decode()}"


def test_under_its_own_hash_a_file_is_kept_for_a_year(app: Flask, client: FlaskClient) -> None:
    answer = client.get(of(app, NAMES[0]).url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_refusal_is_not_kept(app: Flask, client: FlaskClient) -> None:
    answer = client.get(of(app, NAMES[0]).url, headers={"If-Match": '"another"'})
    assert (answer.status_code, answer.json) == (412, {"error": "Precondition Failed"})
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
def test_a_date_beyond_every_calendar_is_none(client: FlaskClient, name: str) -> None:
    odd = {name: "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Range": "bytes=0-"}
    assert client.get(f"/static/{NAMES[0]}", headers=odd).status_code in (200, 206)


@pytest.mark.asvs("14.2.5")
def test_under_any_other_it_is_asked_for_again(client: FlaskClient) -> None:
    for query in ("", "?v=", "?v=0123456789abcdef", "?V=x"):
        answer = client.get(f"/static/{NAMES[0]}{query}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


def test_an_edited_file_gets_another_url_at_once(
    app: Flask, client: FlaskClient, static: Path
) -> None:
    (static / "a.js").write_text("before()")
    before = of(app, "a.js")
    (static / "a.js").write_text("afterwards()")
    after = of(app, "a.js")
    assert before.url != after.url
    assert before.integrity != after.integrity
    assert "immutable" not in client.get(before.url).headers["Cache-Control"]


def test_an_unchanged_file_is_not_sent_again(app: Flask, client: FlaskClient) -> None:
    url = of(app, NAMES[0]).url
    tag = client.get(url).headers["ETag"]
    answer = client.get(url, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_script_is_served_as_one(client: FlaskClient, static: Path) -> None:
    (static / "a.js").write_text("run()")
    assert client.get("/static/a.js").content_type == "text/javascript; charset=utf-8"


ELSEWHERE = [
    "../policy.py",
    "x/../page.css",
    "x/../../policy.py",
    "..%2fpolicy.py",
    "..%5cpolicy.py",
    "..\\policy.py",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "C:/Windows/win.ini",
    ".",
    "%00",
    f"{NAMES[0]}%00",
    f"{NAMES[0]}%00.txt",
    "%ff",
    "%ed%a0%80",
    "x" * 5000,
    "nothing.css",
]


@pytest.mark.asvs("14.2.5")
def test_no_path_leads_elsewhere(client: FlaskClient) -> None:
    for path in ELSEWHERE:
        answer = client.get(f"/static/{path}", follow_redirects=True)
        assert (path, answer.status_code) == (path, 404)
        assert answer.json == {"error": "Not Found"}


def link(path: Path, target: Path | str) -> str:
    """Make a symbolic link; gives its name."""
    try:
        path.symlink_to(target)
    except OSError:
        pytest.skip("Windows lets few people make links")
    return path.name


def refused(app: Flask, client: FlaskClient, name: str) -> bool:
    """Whether a file is neither served nor given to a page, which is told what to do."""
    with pytest.raises(FileNotFoundError, match="put a plain file there"):
        of(app, name)
    return client.get(f"/static/{name}").status_code == 404


@pytest.mark.asvs("14.2.5")
def test_a_link_that_leads_elsewhere_is_not_followed(
    app: Flask, client: FlaskClient, static: Path
) -> None:
    assert refused(app, client, link(static / "link.txt", static.parent / "private.txt"))
    assert refused(app, client, link(static / "up.txt", "../private.txt"))
    assert refused(app, client, link(static / "chain.txt", "up.txt"))
    assert refused(app, client, link(static / "folder", static.parent) + "/private.txt")
    assert refused(app, client, "folder/static/../private.txt")


def test_nor_is_one_that_stays_or_leads_nowhere(
    app: Flask, client: FlaskClient, static: Path
) -> None:
    (static / "page.css").write_text("p {}")
    assert refused(app, client, link(static / "other.css", "page.css"))
    assert refused(app, client, link(static / "loop.css", "loop.css"))
    assert refused(app, client, link(static / "gone.css", "gone"))


HIDDEN = [
    ".env",
    ".git/HEAD",
    "lib/.htpasswd",
    ".page.css.swp",
    "page.css~",
    # As Windows reads them, another file or a part of one.
    "page.css.",
    "page.css ",
    "page.css::$DATA",
    "lib\\page.css",
]


@pytest.mark.asvs("13.4.1")
@pytest.mark.parametrize("name", HIDDEN)
def test_what_editors_and_tools_leave_is_not_served(
    app: Flask, client: FlaskClient, static: Path, name: str
) -> None:
    (static / name).parent.mkdir(exist_ok=True)
    (static / name).write_text("not public")
    assert refused(app, client, name)


@pytest.mark.parametrize("name", ["", "lib", "nothing.css", "../private.txt", __file__])
def test_a_page_is_told_of_a_file_that_is_not_there(app: Flask, static: Path, name: str) -> None:
    (static / "lib").mkdir()
    with pytest.raises(FileNotFoundError, match="app/static/"):
        of(app, name)
