"""Names, proxies and https, as far as the app can tell from inside.

Source: RFC 6797, section 11.4; OWASP ASVS 3.4.1, 4.1.3, 12.2.1.
"""

import re
from collections.abc import Iterable
from logging import ERROR, INFO, WARNING

from flask import Flask

from app.checks.registry import check
from app.checks.settings import EXAMPLE
from app.setting_types import LOOPBACK_NAMES

YEAR = 365 * 24 * 60 * 60  # seconds


@check(
    "hosts.missing",
    ERROR,
    "TRUSTED_HOSTS names no more than this computer: every visitor would get a 400.",
    "Set it to the exact names of the site, separated by commas.",
    deploy=True,
)
def names_no_host(app: Flask) -> bool:
    return set(LOOPBACK_NAMES).issuperset(app.extensions["trusted_hosts"])


@check(
    "hosts.example",
    WARNING,
    "TRUSTED_HOSTS holds {}, which is a name for examples.",
    "Set it to the exact names of the site, separated by commas.",
    deploy=True,
)
def example_hosts(app: Flask) -> Iterable[str]:
    return sorted(filter(EXAMPLE.search, app.extensions["trusted_hosts"]))


@check(
    "proxies.none",
    WARNING,
    "PROXY_HOPS is 0: behind a proxy all clients would share one address, and never be on https.",
    "Set it to the number of your own proxies. Accept this where the server speaks TLS itself.",
    deploy=True,
)
def believes_no_proxy(app: Flask) -> bool:
    return not app.config["PROXY_HOPS"]


@check(
    "proxies.several",
    INFO,
    "PROXY_HOPS is above 1: each one too many lets a client forge its address.",
    "Count the proxies that every request passes, and that add to X-Forwarded-For.",
    deploy=True,
)
def believes_several_proxies(app: Flask) -> bool:
    return bool(app.config["PROXY_HOPS"] > 1)


@check(
    "hsts.short",
    WARNING,
    "STRICT_TRANSPORT_SECURITY lasts less than a year: until a browser knows it, http is tried.",
    "Set max-age=63072000, two years, in app/policy.py.",
    deploy=True,
)
def forgets_https(app: Flask) -> bool:
    max_age = re.search(r"max-age=(\d+)", app.config["STRICT_TRANSPORT_SECURITY"])
    return max_age is None or int(max_age[1]) < YEAR


@check(
    "hsts.subdomains",
    INFO,
    "STRICT_TRANSPORT_SECURITY covers subdomains: browsers reach none of them over http any more.",
    "Make sure that each has https, or remove includeSubDomains in app/policy.py.",
    deploy=True,
)
def covers_subdomains(app: Flask) -> bool:
    return "includesubdomains" in app.config["STRICT_TRANSPORT_SECURITY"].lower()
