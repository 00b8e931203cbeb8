"""How a login is described to its user: enough to recognise it, and no more."""

import pytest
from flask import Flask
from secure_flask.auth.logins import BROWSERS, SYSTEMS, describe_client

from core.conftest import MakeApp

MOZILLA = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {}"
WINDOWS, MAC = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"
PHONE, TABLET = "iPhone; CPU iPhone OS 18_1 like Mac OS X", "iPad; CPU OS 18_1 like Mac OS X"
ANDROID, LINUX, CHROME_OS = "Linux; Android 10", "X11; Linux x86_64", "X11; CrOS x86_64 14541"
CHROME, SAFARI = "Chrome/140.0.0.0 Safari/537.36", "Version/18.1 Safari/605.1.15"

# The signs of browser and system that count, among those that stand there too.
SENT: dict[str, tuple[str, str]] = {
    MOZILLA.format(WINDOWS, f"{CHROME} Edg/140.0.0.0"): ("Edg", "Windows"),
    MOZILLA.format(MAC, f"{CHROME} OPR/120.0.0.0"): ("OPR/", "Mac OS X"),
    MOZILLA.format(MAC, SAFARI): ("Safari/", "Mac OS X"),
    MOZILLA.format(PHONE, f"{SAFARI} Mobile/15E148"): ("Safari/", "iPhone"),
    MOZILLA.format(TABLET, "CriOS/140.0 Mobile/15E148 Safari/604.1"): ("CriOS/", "iPad"),
    MOZILLA.format(PHONE, "FxiOS/140.0 Mobile/15E148 Safari/605.1.15"): ("FxiOS/", "iPhone"),
    MOZILLA.format(ANDROID, f"SamsungBrowser/28.0 {CHROME}"): ("SamsungBrowser/", "Android"),
    MOZILLA.format(CHROME_OS, CHROME): ("Chrome/", "CrOS"),
    f"Mozilla/5.0 ({LINUX}; rv:140.0) Gecko/20100101 Firefox/140.0": ("Firefox/", "Linux"),
    "curl/8.5.0": ("curl/", ""),
    "": ("", ""),
    "<script>alert(1)</script>": ("", ""),
    "x" * 10_000: ("", ""),
    "\x1b[31m\u00e9 Linux": ("", "Linux"),
}

ADDRESSES = {
    "203.0.113.77": "203.0.113.*",
    "203.0.113.77:5000": "203.0.113.*",
    "::ffff:203.0.113.77": "203.0.113.*",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1::",
    "[2001:db8:1:2::3]:443": "2001:db8:1::",
    "::1": "::",
    "no address": "unknown",
    "": "unknown",
}


def words(browser: str, system: str) -> str:
    """What users read where these signs count."""
    name = BROWSERS.get(browser, "Unknown browser")
    return f"{name} on {SYSTEMS[system]}" if system else name


def described(app: Flask, sent: str, address: str = "203.0.113.77") -> str | None:
    environ = {"HTTP_USER_AGENT": sent, "REMOTE_ADDR": address}
    with app.test_request_context(environ_overrides=environ):
        return describe_client()


@pytest.mark.asvs("7.5.2")
def test_a_login_is_described_by_browser_and_system(app: Flask) -> None:
    # So nothing that the client sent is kept word for word.
    assert {sent: described(app, sent) for sent in SENT} == {
        sent: f"{words(*signs)}, 203.0.113.*" for sent, signs in SENT.items()
    }


def test_the_address_is_shortened(app: Flask) -> None:
    shown = {address: described(app, "curl/8.5.0", address) for address in ADDRESSES}
    assert shown == {address: f"curl, {short}" for address, short in ADDRESSES.items()}


def test_the_words_are_those_of_the_policy(make_app: MakeApp) -> None:
    words = {"Unknown browser": "Unbekannt", "{browser} on {system}": "{browser} unter {system}"}
    app = make_app(fill=False, TEXTS=words)
    assert described(app, "Linux") == "Unbekannt unter Linux, 203.0.113.*"
