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
    file.relative_to(assets.STATIC).as_posix()
    for file in sorted(assets.STATIC.rglob("*"))
    if file.is_file()
]


def of(app: Flask, name: str) -> Asset:
    with app.test_request_context():
        return asset(name)


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
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "a.js").write_text("before()")
    before = of(app, "a.js")
    (tmp_path / "a.js").write_text("afterwards()")
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


def test_a_script_is_served_as_one(
    client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    (tmp_path / "a.js").write_text("run()")
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
