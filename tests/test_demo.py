"""`make demo` in a fresh clone serves a page, and the login that it prints works."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import support


@pytest.mark.slow
def test_a_fresh_clone_serves_a_page_and_the_printed_login_works(tmp_path: Path) -> None:
    port = support.free_port()
    clone = support.copy_template(tmp_path / "clone")
    log = tmp_path / "log"
    with support.started("make", "demo", f"PORT={port}", cwd=clone, log=log) as process:
        support.wait_for(port, process, log)
        printed = log.read_text("utf-8")
        address = f"http://127.0.0.1:{port}"
        assert f"Log in as demo with the password above at {address}" in printed
        assert "<h1" in page(address)
        assert log_in(address, "demo", password(printed))["token"]


def page(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        assert "script-src 'nonce-" in answer.headers["Content-Security-Policy"]
        text: str = answer.read().decode()
        return text


def password(printed: str) -> str:
    found = re.search(r"Created user demo with password (\S+)", printed)
    assert found, printed
    return found[1]


def log_in(address: str, username: str, password: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}/login",
        json.dumps({"username": username, "password": password}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        body: dict[str, Any] = json.load(answer)
        return body
