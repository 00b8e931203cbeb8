"""Settings that suit development, or an example, and would harm in production.

What no app may start with (a short secret, a placeholder, debug in production) is refused
by app/settings.py and told before any check. Source: OWASP ASVS 3.3.1, 6.2.12, 13.4.2.
"""

import re
from collections.abc import Iterable
from logging import ERROR, WARNING

from flask import Flask

from app.auth import password_rules
from app.checks.registry import check

# The names that RFC 2606 keeps for examples; the questionnaire and Kubernetes' settings.yaml hold them.
EXAMPLE = re.compile(r"(?<![\w-])example(?:\.(?:com|net|org))?(?![\w.-])")


@check(
    "settings.development",
    ERROR,
    "APP_ENV is development: http is served, and cookies go over it.",
    "Run this with the environment of production; without APP_ENV it is production.",
    deploy=True,
)
def is_development(app: Flask) -> bool:
    return not app.config["PRODUCTION"]


@check(
    "settings.debug",
    ERROR,
    "Debug is on: its debugger runs code for anybody, and errors show their stack.",
    "Unset FLASK_DEBUG, and let no code set app.debug.",
    deploy=True,
)
def debugs(app: Flask) -> bool:
    return app.debug


@check(
    "cookies.loose",
    ERROR,
    "{} lets Flask's own session be read or sent where it must not.",
    "Leave it as app/security/cookies.py sets it.",
    deploy=True,
)
def loose_cookies(app: Flask) -> Iterable[str]:
    config = app.config
    safe = {
        # Over development's http a cookie needs none; settings.development tells.
        "SESSION_COOKIE_SECURE": config["SESSION_COOKIE_SECURE"] or not config["PRODUCTION"],
        "SESSION_COOKIE_HTTPONLY": config["SESSION_COOKIE_HTTPONLY"],
        "SESSION_COOKIE_SAMESITE": config["SESSION_COOKIE_SAMESITE"] in ("Lax", "Strict"),
        # With a domain it would go to subdomains too.
        "SESSION_COOKIE_DOMAIN": not config["SESSION_COOKIE_DOMAIN"],
    }
    return [name for name, is_safe in safe.items() if not is_safe]


@check(
    "contact.example",
    WARNING,
    "SECURITY_CONTACT is an example: nobody reads what is reported there.",
    "Write your own e-mail address or https page into app/policy.py.",
    deploy=True,
)
def example_contact(app: Flask) -> bool:
    return bool(EXAMPLE.search(app.config["SECURITY_CONTACT"]))


@check(
    "passwords.no-breach-list",
    WARNING,
    "No list of breached passwords is installed: those that attackers try first are taken.",
    "Install it: uv sync --extra breached",
    deploy=True,
)
def knows_no_breached_password(app: Flask) -> bool:
    return not password_rules.has_list()
