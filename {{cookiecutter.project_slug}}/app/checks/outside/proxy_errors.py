"""Errors that the proxy answers by itself carry security headers too, or are known to lack them.

Source: OWASP ASVS 3.4.3, 3.4.4.
"""

from collections.abc import Iterable
from logging import INFO

from app.checks.outside.check import outside_check
from app.checks.outside.site import Site
from app.checks.outside.transport import Answer

LONG_PATH = "/" + "a" * 20_000
LARGE_BODY = b"a" * 2 * 1024 * 1024
# What protects a page, whatever is on it. The others protect what the page does.
EXPECTED = [
    *("Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options"),
    "X-Frame-Options",
]


@outside_check(
    "outside.proxy-errors",
    INFO,
    "The response {}.",
    "nginx: an error_page of your own with add_header … always, as docs/how-to/checks.md "
    "shows. Accept this if the proxy's own pages show nothing of yours.",
)
def bare_errors(site: Site) -> Iterable[str]:
    usual = site.own("/asked-by-flask-check").headers
    promised = [name for name in EXPECTED if name in usual]
    found = []
    for request, answer in _refused(site):
        absent = [name for name in promised if name not in answer.headers]
        if absent:
            found.append(f"{answer.status} to {request} lacks {', '.join(absent)}")
    return found


def _refused(site: Site) -> Iterable[tuple[str, Answer]]:
    yield "a long URL", site.ask("GET", LONG_PATH, {})
    headers = {"Content-Type": "application/json", "Origin": site.origin}
    yield "a large body", site.ask("POST", "/asked-by-flask-check", headers, LARGE_BODY)
