"""Headers tell nobody which software answers: attackers look up its known vulnerabilities.

Source: OWASP ASVS 13.4.6.
"""

import re
from collections.abc import Iterable
from logging import INFO, WARNING

from app.checks import responses
from app.checks.outside.check import outside_check
from app.checks.outside.site import Site

NAMES = ["Server", "Via", "X-Powered-By", "X-AspNet-Version", "X-Generator", "X-Runtime"]
VERSION = re.compile(r"\d+\.\d+")
HOW = (
    "nginx: `server_tokens off;`, and accept its bare name, which stays; Caddy: `header -Server` "
    "and `header -Via`. Others: proxy_hide_header (nginx), `header_down -Name` (Caddy)."
)


@outside_check("outside.software-version", WARNING, "{} names software and its version.", HOW)
def named_versions(site: Site) -> Iterable[str]:
    return [line for line in _lines(site) if _has_version(line)]


@outside_check("outside.software", INFO, "{} names software.", HOW)
def named_software(site: Site) -> Iterable[str]:
    return [line for line in _lines(site) if not _has_version(line)]


def _lines(site: Site) -> list[str]:
    found = {
        f"{name}: {value}"
        for path in responses.PATHS
        for name in NAMES
        for value in site.get(path).headers.get_all(name, [])
        if value
    }
    return sorted(found)


def _has_version(line: str) -> bool:
    # `Via: 1.1 Caddy` has the version of HTTP.
    return bool(VERSION.search(re.sub(r"^Via: [\d.]+", "", line)))
