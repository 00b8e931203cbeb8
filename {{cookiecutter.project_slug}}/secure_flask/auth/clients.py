"""Describes the client of a login, so that users recognise their own logins.

The text has the browser and system that the client claims, and its shortened address. It is stored
encrypted, and deleted with the login. Source: OWASP ASVS 7.5.2.
"""

from flask import has_request_context, request
from secure_flask.web.counters import client_address
from secure_flask.web.errors import translated_text

# The first match counts: Edge and Opera also name Chrome, and Chrome names Safari.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "SamsungBrowser/": "Samsung Internet",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def describe_client() -> str | None:
    """The client of this request, such as "Firefox on Linux, 203.0.113.*"; None in a command."""
    if not has_request_context():
        return None
    found, system = browser_and_system()
    client = browser = found or translated_text("Unknown browser")
    if system:
        client = translated_text("{browser} on {system}", browser=browser, system=system)
    return f"{client}, {_shortened()}"


def browser_and_system() -> tuple[str | None, str | None]:
    """The browser and system that the client of this request claims, without their versions."""
    sent = request.headers.get("User-Agent", "")
    return _first(BROWSERS, sent), _first(SYSTEMS, sent)


def _first(names: dict[str, str], sent: str) -> str | None:
    return next((name for sign, name in names.items() if sign in sent), None)


def _shortened() -> str:
    """Three quarters of an IPv4 address; the site of an IPv6 address."""
    address = client_address(prefix=48)
    return f"{address.rpartition('.')[0]}.*" if "." in address else address
