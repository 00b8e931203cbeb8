"""Finds settings for development and example values that are insecure in production.

app/settings.py already refuses a short secret, a placeholder and debug mode in production
at start-up. Source: OWASP ASVS 3.3.1, 6.2.12, 13.4.2.
"""

import re
from collections.abc import Iterable
from logging import ERROR, WARNING

from flask import Flask
from secure_flask.auth import password_rules
from secure_flask.checks.registry import check
from secure_flask.programs import UV

# The example names of RFC 2606, which the template's defaults and settings.yaml contain.
EXAMPLE = re.compile(r"(?<![\w-])example(?:\.(?:com|net|org))?(?![\w.-])")


@check(
    "settings.development",
    ERROR,
    "APP_ENV is development: the app serves http and sends cookies over it.",
    "Run this in the production environment. Without APP_ENV the app runs in production.",
    deploy=True,
)
def development_environment(app: Flask) -> bool:
    return not app.config["PRODUCTION"]


@check(
    "settings.debug",
    ERROR,
    "Debug mode is on: the debugger runs code for anybody, and errors show stack traces.",
    "Unset FLASK_DEBUG, and do not set app.debug in code.",
    deploy=True,
)
def debug_mode(app: Flask) -> bool:
    return app.debug


@check(
    "cookies.insecure",
    ERROR,
    "{} makes the cookie of Flask's own session insecure.",
    "Keep the value that secure_flask/web/cookies.py sets.",
    deploy=True,
)
def insecure_cookies(app: Flask) -> Iterable[str]:
    config = app.config
    safe = {
        # Not required over http in development; settings.development reports that.
        "SESSION_COOKIE_SECURE": config["SESSION_COOKIE_SECURE"] or not config["PRODUCTION"],
        "SESSION_COOKIE_HTTPONLY": config["SESSION_COOKIE_HTTPONLY"],
        "SESSION_COOKIE_SAMESITE": config["SESSION_COOKIE_SAMESITE"] in ("Lax", "Strict"),
        # With a domain, browsers would send the cookie to subdomains too.
        "SESSION_COOKIE_DOMAIN": not config["SESSION_COOKIE_DOMAIN"],
    }
    return [name for name, is_safe in safe.items() if not is_safe]


@check(
    "contact.example",
    WARNING,
    "SECURITY_CONTACT is an example address: nobody would receive a report.",
    "Write your own e-mail address or https page into app/policy.py.",
    deploy=True,
)
def example_contact(app: Flask) -> bool:
    return bool(EXAMPLE.search(app.config["SECURITY_CONTACT"]))


@check(
    "passwords.no-breach-list",
    WARNING,
    "The list of breached passwords is not installed: users can choose passwords on it.",
    f"Install it: {UV} sync --extra breached",
    deploy=True,
)
def missing_breach_list(app: Flask) -> bool:
    return not password_rules.has_list()
