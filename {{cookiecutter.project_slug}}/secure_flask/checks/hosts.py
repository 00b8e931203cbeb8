"""Checks the settings for host names and https.

Source: RFC 6797, section 11.4; OWASP ASVS 3.4.1, 12.2.1.
"""

import re
from collections.abc import Iterable
from logging import ERROR, INFO, WARNING

from flask import Flask
from secure_flask.checks.registry import check
from secure_flask.checks.settings import EXAMPLE
from secure_flask.settings.types import LOOPBACK_NAMES

YEAR = 365 * 24 * 60 * 60  # seconds


@check(
    "hosts.missing",
    ERROR,
    "TRUSTED_HOSTS lists only loopback names: every visitor would get a 400.",
    "Set it to the exact names of the site, separated by commas.",
    deploy=True,
)
def missing_hosts(app: Flask) -> bool:
    return set(LOOPBACK_NAMES).issuperset(app.extensions["trusted_hosts"])


@check(
    "hosts.example",
    WARNING,
    "TRUSTED_HOSTS contains {}, which is an example name.",
    "Set it to the exact names of the site, separated by commas.",
    deploy=True,
)
def example_hosts(app: Flask) -> Iterable[str]:
    return sorted(filter(EXAMPLE.search, app.extensions["trusted_hosts"]))


@check(
    "hsts.short",
    WARNING,
    "STRICT_TRANSPORT_SECURITY has a max-age below one year: browsers soon allow http again.",
    "Set max-age=63072000, two years, in app/policy.py.",
    deploy=True,
)
def short_hsts(app: Flask) -> bool:
    max_age = re.search(r"max-age=(\d+)", app.config["STRICT_TRANSPORT_SECURITY"])
    return max_age is None or int(max_age[1]) < YEAR


@check(
    "hsts.subdomains",
    INFO,
    "STRICT_TRANSPORT_SECURITY includes subdomains: browsers refuse http for all of them.",
    "Make sure that each subdomain has https, or remove includeSubDomains in app/policy.py.",
    deploy=True,
)
def hsts_on_subdomains(app: Flask) -> bool:
    return "includesubdomains" in app.config["STRICT_TRANSPORT_SECURITY"].lower()
