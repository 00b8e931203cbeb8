"""No stranger's page may read the site, whatever the proxy adds: it must name no other origin.

Source: WHATWG Fetch, "CORS protocol"; OWASP ASVS 3.4.2.
"""

from collections.abc import Iterable
from itertools import product
from logging import ERROR

from app.checks import responses
from app.checks.outside.check import outside_check
from app.checks.outside.site import Site

# Nobody can register such a name; `null` is the origin of a sandboxed frame.
STRANGERS = ["https://asked-by-flask-check.invalid", "null"]


@outside_check(
    "outside.cors",
    ERROR,
    "Pages of every site may read {}.",
    "Remove Access-Control-Allow-Origin from the proxy: CORS_ORIGINS in app/policy.py is the place.",
)
def readable_by_strangers(site: Site) -> Iterable[str]:
    asked = product(responses.PATHS, STRANGERS)
    return dict.fromkeys(path for path, origin in asked if _may_read(site, path, origin))


def _may_read(site: Site, path: str, origin: str) -> bool:
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answers = [
        site.ask("GET", path, {"Origin": origin}),
        site.ask("OPTIONS", path, preflight),
    ]
    granted = [answer.headers.get_all("Access-Control-Allow-Origin", []) for answer in answers]
    return bool({"*", origin} & {value.strip() for values in granted for value in values})
