"""Finds misspelt names, settings that others may read, those for development, a missing proxy.

It finds example values and reused secrets too, and what the cookie of Flask-Login lacks that keeps
a user logged in for a year. The settings already refuse a guessable secret, a placeholder and debug
mode in production. `on_starting` stops a server with wrong settings.
Source: OWASP ASVS 3.3.1, 3.3.2, 3.3.4, 3.4.1, 4.1.3, 6.2.12, 11.1.1, 12.2.1, 13.4.2; RFC 6797,
section 11.4; NIST SP 800-57 Part 1, section 5.2; OWASP Denial of Service Cheat Sheet.
"""

import argparse
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from ipaddress import ip_address
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask
from secure_flask.auth import passwords
from secure_flask.checks import Finding, register_check
from secure_flask.settings import KNOWN_NAMES, SETTINGS, Settings, SettingsError, names_in_file
from secure_flask.settings.types import LOOPBACK_NAMES
from secure_flask.state import app_state
from secure_flask.web.headers import Kind, fixed_headers
from secure_flask.web.hosts import TRUSTED_HOSTS
from secure_flask.web.view_options import options_of

# The example names of RFC 2606, which the template's defaults contain.
EXAMPLE = re.compile(r"(?<![\w-])example(?:\.(?:com|net|org))?(?![\w.-])")
SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS", "BLIND_INDEX_KEYS", "TOKEN_KEYS")
MIN_LENGTH = 32  # characters; ids and separators between keys are shorter
_CRASH = "the server answers a crash, without the error page and the headers of the policy"
_TESTING = {
    "TESTING": _CRASH,
    "PROPAGATE_EXCEPTIONS": _CRASH,
    "TRAP_HTTP_EXCEPTIONS": "each error page, such as a 404, is answered and logged as a crash",
    "TRAP_BAD_REQUEST_ERRORS": "a form that lacks a field is answered and logged as a crash",
}
# Without self-service accounts nothing demands a second factor, whatever this value says.
OF_ACCOUNTS = "SECOND_FACTOR_ROLES"
YEAR = 365 * 24 * 60 * 60  # seconds
# Docker and Podman create one of these files in each container.
CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


class _Flag(NamedTuple):
    """A flag of the cookie, its values that protect, and what happens otherwise."""

    default: Any  # that of Flask-Login
    protects: tuple[Any, ...]
    otherwise: str


_FLAGS = {
    "SECURE": _Flag(False, (True,), "it is also sent without encryption"),
    "HTTPONLY": _Flag(True, (True,), "an injected script can read it"),
    "SAMESITE": _Flag(None, ("Lax", "Strict"), "requests that other sites begin carry it"),
}


def on_starting(
    server: Any,
    settings: type[Settings],
    token_type: str = "session",  # noqa: S107 - a kind of token, no password
) -> None:
    """Stop gunicorn with one message about wrong settings, instead of a traceback.

    gunicorn.conf.py calls it in its hook of the same name:
    `secure_flask.on_starting(server, Settings, policy.TOKEN_TYPE)`.

    :raises SystemExit: a setting is missing or insecure, also for the number of workers, or those
        of development would serve other machines.
    """
    try:
        loaded = settings.load()
        loaded.check_workers(server.cfg.workers)
        loaded.check_token_keys(token_type)
    except SettingsError as error:
        sys.exit(error.message)
    # An address is a pair, or the path or the number of a socket.
    pairs = [address for address in server.cfg.address if isinstance(address, tuple)]
    elsewhere = [host for host, _ in pairs if not is_loopback(host)]
    if elsewhere and loaded.app_env == "development":
        sys.exit(
            f"gunicorn would serve other machines on {elsewhere[0] or '::'} with APP_ENV=development: on this "
            "machine alone unset BIND_HOST, for a site set APP_ENV=production and its settings."
        )


def slips(given: set[str], known: set[str], beside: Iterable[str] = ()) -> list[str]:
    """The unknown names that are close to a known one: a misspelt setting protects nothing."""
    # A number at the end marks a name that the owner chose, as in DATABASE_URL_2.
    unknown = [name for name in sorted(given - known) if not name[-1:].isdigit()]
    absent = sorted(known.difference(beside))
    # The cutoff just finds a name of five letters that lacks one, as LINK.
    meant = {name: get_close_matches(name, absent, n=1, cutoff=0.88) for name in unknown}
    return [f"{name}: is {close[0]} meant?" for name, close in meant.items() if close]


@register_check("settings.misspelt", "error")
def misspelt_settings(app: Flask) -> Iterator[Finding]:
    settings = type(app_state(app)[SETTINGS])
    file = settings.model_config.get("env_file")
    given = names_in_file(file) | {name.upper() for name, value in os.environ.items() if value}
    # A name is no slip if the setting itself is given too.
    found = slips(given, {name.upper() for name in settings.model_fields}, beside=given)
    moved = (f"{name}: set it in app/policy.py." for name in _of_policy(given, settings))
    for slip in [*found, *moved]:
        yield Finding(
            f"Nothing reads the setting {slip}",
            hint="Correct the name in .env or the environment, or rename a variable of your own.",
        )


@register_check("policy.misspelt", "error")
def misspelt_policy(app: Flask) -> Iterator[Finding]:
    policy = app_state(app)[SETTINGS].policy
    known = {*policy.model_fields, *app_state(app)[KNOWN_NAMES]}
    problems = [*slips({*app.config}, known)]
    if OF_ACCOUNTS in app.config and OF_ACCOUNTS not in known:
        problems.append(f"{OF_ACCOUNTS}: it belongs to self-service accounts.")
    for problem in problems:
        yield Finding(
            f"Nothing reads {problem}",
            hint="Correct or remove the name in app/policy.py, or rename a constant of your own.",
        )


@register_check("settings.development", "error", deploy=True)
def development(app: Flask) -> Iterator[Finding]:
    if not app.config["PRODUCTION"] or app.debug:
        yield Finding(
            "APP_ENV is development, or debug mode is on: its debugger runs code for anybody.",
            hint="Run this in the production environment, without FLASK_DEBUG. Without APP_ENV it "
            "is production.",
        )


@register_check("settings.testing", "warning", deploy=True)
def testing(app: Flask) -> Iterator[Finding]:
    for name, consequence in _TESTING.items():
        if app.config[name]:
            yield Finding(
                f"{name} is true: {consequence}.",
                hint="Set it in tests alone.",
            )


@register_check("settings.example", "warning", deploy=True)
def examples(app: Flask) -> Iterator[Finding]:
    hosts = app_state(app)[TRUSTED_HOSTS]
    texts = {
        "SECURITY_CONTACT": app.config["SECURITY_CONTACT"],
        "TRUSTED_HOSTS": " ".join(hosts),
    }
    for name, text in texts.items():
        if EXAMPLE.search(text):
            yield Finding(
                f"{name} contains an example name: nobody would receive a report, or reach the "
                "site.",
                hint="Write your own into the settings and app/policy.py.",
            )


@register_check("hosts.missing", "error", deploy=True)
def missing_hosts(app: Flask) -> Iterator[Finding]:
    hosts = app_state(app)[TRUSTED_HOSTS]
    if hosts <= {*LOOPBACK_NAMES}:
        yield Finding(
            "TRUSTED_HOSTS lists only loopback names: every visitor would get a 400.",
            hint="Set it to the exact names of the site, separated by commas.",
        )


@register_check("hsts.short", "warning", deploy=True)
def short_hsts(app: Flask) -> Iterator[Finding]:
    sent = fixed_headers(app.config, Kind.OTHER, "https").get("Strict-Transport-Security", "")
    max_age = re.search(r"max-age=(\d+)", sent)
    if max_age is None or int(max_age[1]) < YEAR:
        yield Finding(
            "Strict-Transport-Security has a max-age below one year: browsers soon allow http "
            "again.",
            hint="Remove it from HEADER_CHANGES in app/policy.py.",
        )


@register_check("passwords.no-breach-list", "warning", deploy=True)
def missing_breach_list(app: Flask) -> Iterator[Finding]:
    if not passwords.has_breach_list():
        yield Finding(
            "The list of breached passwords is not installed: users can choose passwords on it.",
            hint="Install it: .venv/bin/uv sync --inexact --extra breached",
        )


@register_check("secrets.reused", "error")
def reused_secrets(app: Flask) -> Iterator[Finding]:
    parts = {name: _parts(app.config[name] or "") for name in SECRETS}
    for one, other in combinations(SECRETS, 2):
        if parts[one] & parts[other]:
            yield Finding(
                f"{one} and {other} contain the same secret: if one leaks, the other is "
                "compromised too.",
                hint="Generate a separate one for each as .env.example shows.",
            )


@register_check("settings.readable", "warning", deploy=True)
def readable_files(app: Flask) -> Iterator[Finding]:
    for file in _settings_files(app):
        # The mode of a file means nothing on Windows.
        if os.name == "posix" and file.is_file() and file.stat().st_mode & stat.S_IRWXO:
            yield Finding(
                f"Every user of this machine may read or write {file}, which holds secrets.",
                hint=f"Run: chmod o= {file}",
            )


@register_check("proxies.none", "error", deploy=True)
def no_proxy(app: Flask) -> Iterator[Finding]:
    if not app.config["PROXY_HOPS"]:
        yield Finding(
            "PROXY_HOPS is 0: without a proxy a few slow clients stop the service. Behind a proxy "
            "that the app does not know, all clients share one address and appear to use http.",
            hint="Put Caddy or nginx in front, as deploy/Caddyfile does, and set it to the number "
            "of proxies that each request passes. If it is too high, a client can forge its "
            "address.",
        )


@register_check("proxies.bypassed", "warning", deploy=True)
def reachable_server(app: Flask) -> Iterator[Finding]:
    # gunicorn.conf.py reads BIND_HOST in the same way. In a container the published ports decide.
    host = os.environ.get("BIND_HOST") or "127.0.0.1"
    files = any(file.exists() for file in CONTAINER_FILES)
    in_container = files or "KUBERNETES_SERVICE_HOST" in os.environ
    if not in_container and not is_loopback(host):
        yield Finding(
            f"BIND_HOST is {host}, so other machines reach gunicorn without the proxy: slow clients "
            "stop the service, and each client can forge its address.",
            hint="Unset BIND_HOST where the proxy runs on this machine. Accept this if a firewall lets "
            "only the proxy in.",
        )


@register_check("proxies.small-bodies", "warning", deploy=True)
def small_bodies(app: Flask) -> Iterator[Finding]:
    proxied = app.config["MAX_REQUEST_BODY"]
    rules = app.url_map.iter_rules()
    views = [(app.view_functions.get(rule.endpoint), rule.methods or ()) for rule in rules]
    sizes = [
        options_of(view, method).max_size or 0 for view, methods in views for method in methods
    ]
    if max([app.config["MAX_CONTENT_LENGTH"], *sizes]) > proxied:
        yield Finding(
            f"The proxy refuses bodies above {proxied} bytes (MAX_REQUEST_BODY): a view accepts "
            "larger ones.",
            hint="Raise MAX_REQUEST_BODY, and client_max_body_size in nginx. Or lower max_size at "
            "the view.",
        )


@register_check("remember-cookie.unprotected", "warning")
def unprotected_cookie(app: Flask) -> Iterator[Finding]:
    # Flask-Login puts itself there.
    flags = _FLAGS if hasattr(app, "login_manager") else {}
    for flag, (default, protects, otherwise) in flags.items():
        name = f"REMEMBER_COOKIE_{flag}"
        is_needed = app.config["PRODUCTION"] or flag != "SECURE"  # Development has no https.
        if is_needed and app.config.get(name, default) not in protects:
            yield Finding(
                f"{name} is not {protects[0]!r}: the cookie keeps a login, and {otherwise}.",
                hint=f"Write {name}={protects[0]!r} into app.config.update.",
            )


def _settings_files(app: Flask) -> list[Path]:
    """The `.env` of the project, and the file of `flask --env-file`, which click does not show."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-e", "--env-file", default=os.environ.get("FLASK_ENV_FILE"))
    given, _ = parser.parse_known_args(sys.argv[1:])
    own = type(app_state(app)[SETTINGS]).model_config.get("env_file")
    return [Path(file) for file in (own, given.env_file) if isinstance(file, str | Path)]


def _of_policy(given: set[str], settings: type[Settings]) -> list[str]:
    """The given names that would change the policy, unless they are settings of the owner too."""
    own = {name.upper() for name in settings.model_fields}
    # Shells and CI use names such as PROJECT_NAME, which app/policy.py sets in any case.
    values = settings.policy.model_fields.items()
    changeable = {name for name, value in values if not value.is_required()}
    return sorted(given & changeable - own)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _parts(text: str) -> set[str]:
    parts = (part.rstrip("=") for part in re.split(r"[,:\s]", text))
    return {part for part in parts if len(part) >= MIN_LENGTH}
