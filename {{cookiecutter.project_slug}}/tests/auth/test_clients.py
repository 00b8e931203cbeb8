"""How a login is described to its user: enough to recognise it, and no more."""

import pytest
from flask import Flask

from app.auth.clients import BROWSERS, SYSTEMS, describe

MOZILLA = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {}"
WINDOWS, MAC = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"
PHONE, TABLET = "iPhone; CPU iPhone OS 18_1 like Mac OS X", "iPad; CPU OS 18_1 like Mac OS X"
ANDROID, LINUX, CHROME_OS = (
    "Linux; Android 10; K",
    "X11; Linux x86_64",
    "X11; CrOS x86_64 14541.0.0",
)
CHROME, SAFARI = "Chrome/140.0.0.0 Safari/537.36", "Version/18.1 Safari/605.1.15"

SENT = {
    MOZILLA.format(WINDOWS, CHROME): "Chrome on Windows",
    MOZILLA.format(WINDOWS, f"{CHROME} Edg/140.0.0.0"): "Edge on Windows",
    MOZILLA.format(ANDROID, f"{CHROME} EdgA/140.0.0.0"): "Edge on Android",
    MOZILLA.format(MAC, f"{CHROME} OPR/120.0.0.0"): "Opera on macOS",
    MOZILLA.format(MAC, SAFARI): "Safari on macOS",
    MOZILLA.format(PHONE, f"{SAFARI} Mobile/15E148"): "Safari on iPhone",
    MOZILLA.format(TABLET, "CriOS/140.0 Mobile/15E148 Safari/604.1"): "Chrome on iPad",
    MOZILLA.format(PHONE, "FxiOS/140.0 Mobile/15E148 Safari/605.1.15"): "Firefox on iPhone",
    MOZILLA.format(ANDROID, f"SamsungBrowser/28.0 {CHROME}"): "Samsung Internet on Android",
    MOZILLA.format(CHROME_OS, CHROME): "Chrome on ChromeOS",
    f"Mozilla/5.0 ({LINUX}; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Linux",
    "curl/8.5.0": "curl",
    "python-requests/2.32": "Unknown browser",
    "": "Unknown browser",
    "<script>alert(1)</script>": "Unknown browser",
    "x" * 10_000: "Unknown browser",
    "\x1b[31m\u00e9 Linux": "Unknown browser on Linux",
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


def described(app: Flask, sent: str, address: str = "203.0.113.77") -> str | None:
    environ = {"HTTP_USER_AGENT": sent, "REMOTE_ADDR": address}
    with app.test_request_context(environ_overrides=environ):
        return describe()


@pytest.mark.asvs("7.5.2")
def test_a_login_is_described_by_browser_and_system(app: Flask, subtests: pytest.Subtests) -> None:
    for sent, expected in SENT.items():
        with subtests.test(sent[-40:]):
            assert described(app, sent) == f"{expected}, 203.0.113.*"


def test_the_address_is_shortened(app: Flask) -> None:
    shown = {address: described(app, "curl/8.5.0", address) for address in ADDRESSES}
    assert shown == {address: f"curl, {short}" for address, short in ADDRESSES.items()}


def test_nothing_that_the_client_sent_is_kept_word_for_word(app: Flask) -> None:
    known = {"Unknown browser", *BROWSERS.values()}
    for browser in BROWSERS:
        for system in SYSTEMS:
            text = str(described(app, f"<b>{browser}\n{system}<i>")).removesuffix(", 203.0.113.*")
            name, _, on = text.partition(" on ")
            assert (name in known, on in SYSTEMS.values()) == (True, True)


def test_a_command_has_no_client(app: Flask) -> None:
    with app.app_context():
        assert describe() is None
