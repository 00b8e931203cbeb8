"""Finds misspelt names, settings for development, example values, and reused secrets.

The settings already refuse a guessable secret, a placeholder and debug mode in production.
Source: OWASP ASVS 3.4.1, 6.2.12, 11.1.1, 12.2.1, 13.4.2; RFC 6797, section 11.4; NIST SP 800-57
Part 1, section 5.2.
"""

import re
from collections.abc import Iterable
from itertools import combinations

from flask import Flask
from secure_flask.auth import passwords
from secure_flask.checks.registry import check
from secure_flask.policy import DEFAULTS
from secure_flask.settings import names
from secure_flask.settings.types import LOOPBACK_NAMES
from secure_flask.web import header_values

# The example names of RFC 2606, which the template's defaults contain.
EXAMPLE = re.compile(r"(?<![\w-])example(?:\.(?:com|net|org))?(?![\w.-])")
SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS", "BLIND_INDEX_KEYS", "TOKEN_KEYS")
MIN_LENGTH = 32  # characters; ids and separators between keys are shorter
YEAR = 365 * 24 * 60 * 60  # seconds


@check("settings.misspelt", "error")
def misspelt_settings(app: Flask) -> Iterable[str]:
    """Nothing reads the setting {}

    Correct the name in .env or the environment, or rename a variable of your own.
    """
    slips = type(app.extensions["settings"]).misspelt().items()
    return [f"{name}: is {meant} meant?" for name, meant in slips]


@check("policy.misspelt", "error")
def misspelt_policy(app: Flask) -> Iterable[str]:
    """Nothing reads {}

    Correct the name in app/policy.py, or rename a constant of your own.
    """
    known = {*DEFAULTS, *app.extensions["known_names"]}
    slips = names.misspelt(app.config, known).items()
    return [f"{name}: is {meant} meant?" for name, meant in slips]


@check("settings.development", "error", deploy=True)
def development(app: Flask) -> bool:
    """APP_ENV is development, or debug mode is on: its debugger runs code for anybody.

    Run this in the production environment, without FLASK_DEBUG. Without APP_ENV it is production.
    """
    return not app.config["PRODUCTION"] or app.debug


@check("settings.example", "warning", deploy=True)
def examples(app: Flask) -> Iterable[str]:
    """{} contains an example name: nobody would receive a report, or reach the site.

    Write your own into the settings and app/policy.py.
    """
    hosts = " ".join(app.extensions["trusted_hosts"])
    texts = {"SECURITY_CONTACT": app.config["SECURITY_CONTACT"], "TRUSTED_HOSTS": hosts}
    return [name for name, text in texts.items() if EXAMPLE.search(text)]


@check("hosts.missing", "error", deploy=True)
def missing_hosts(app: Flask) -> bool:
    """TRUSTED_HOSTS lists only loopback names: every visitor would get a 400.

    Set it to the exact names of the site, separated by commas.
    """
    return set(LOOPBACK_NAMES).issuperset(app.extensions["trusted_hosts"])


@check("hsts.short", "warning", deploy=True)
def short_hsts(app: Flask) -> bool:
    """Strict-Transport-Security has a max-age below one year: browsers soon allow http again.

    Remove it from HEADER_CHANGES in app/policy.py.
    """
    max_age = re.search(r"max-age=(\d+)", header_values.transport(app.config))
    return max_age is None or int(max_age[1]) < YEAR


@check("passwords.no-breach-list", "warning", deploy=True)
def missing_breach_list(app: Flask) -> bool:
    """The list of breached passwords is not installed: users can choose passwords on it.

    Install it: uv sync --extra breached
    """
    return not passwords.has_breach_list()


@check("secrets.reused", "error")
def reused_secrets(app: Flask) -> Iterable[str]:
    """{} contain the same secret: if one leaks, the other is compromised too.

    Generate a separate one for each as .env.example shows.
    """
    parts = {name: _parts(app.config[name] or "") for name in SECRETS}
    pairs = combinations(SECRETS, 2)
    return [f"{one} and {other}" for one, other in pairs if parts[one] & parts[other]]


def _parts(text: str) -> set[str]:
    parts = (part.rstrip("=") for part in re.split(r"[,:\s]", text))
    return {part for part in parts if len(part) >= MIN_LENGTH}
