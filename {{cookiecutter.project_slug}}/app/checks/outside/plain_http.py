"""Plain http only redirects to https: whatever it serves, anybody on the way can read and change.

Source: RFC 6797, section 7.2; OWASP ASVS 12.2.1.
"""

from collections.abc import Iterable
from logging import ERROR, INFO
from urllib.parse import urlsplit

from app.checks.outside.check import outside_check
from app.checks.outside.no_answer import NoAnswer
from app.checks.outside.site import Site
from app.checks.outside.transport import Answer

# Not the probes: the app answers them over http too, and they hold nothing.
PATHS = ["/", "/me", "/asked-by-flask-check"]
REDIRECTS = {301, 302, 307, 308}


@outside_check(
    "outside.http-closed",
    INFO,
    "Nothing answers over plain http: {}.",
    "Open port 80 in the proxy and redirect it, for visitors who type http or an old link.",
)
def closed(site: Site) -> Iterable[str]:
    reason = _closed(site)
    return [reason] if reason else []


@outside_check(
    "outside.http-served",
    ERROR,
    "Over plain http {} instead of a redirect to https.",
    "nginx: `return 308 https://www.example.org$request_uri;` as all of the server at port 80. "
    "Caddy: name the site without http://, so that it redirects by itself.",
)
def served(site: Site) -> Iterable[str]:
    if _closed(site):
        return []
    answers = {path: site.get(path, "http") for path in PATHS}
    return [
        f"GET {path} is answered with {answer.status}"
        for path, answer in answers.items()
        if not _leads_to_https(site, answer)
    ]


def _closed(site: Site) -> str:
    try:
        site.get("/", "http")
    except NoAnswer as error:
        return error.reason
    return ""


def _leads_to_https(site: Site, answer: Answer) -> bool:
    target = urlsplit(answer.headers.get("Location", ""))
    own = {site.host, *site.app.extensions["trusted_hosts"]}
    return answer.status in REDIRECTS and target.scheme == "https" and target.hostname in own
