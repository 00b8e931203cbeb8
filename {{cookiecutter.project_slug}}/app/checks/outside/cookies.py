"""Cookies that reach visitors before a login, those of a load balancer too, are protected.

Source: RFC 6265bis, section 4.1.2; OWASP ASVS 3.3.1 to 3.3.4.
"""

from collections.abc import Iterable
from logging import WARNING

from app.checks import responses
from app.checks.outside.check import outside_check
from app.checks.outside.site import Site


@outside_check(
    "outside.cookie",
    WARNING,
    "The cookie {}.",
    "Set Secure; HttpOnly; SameSite=Lax; Path=/ and no Domain where it is made, or remove it: "
    "app/security/cookies.py sets those of the app, and proxy_cookie_flags (nginx) those that pass.",
)
def weak_cookies(site: Site) -> Iterable[str]:
    found: dict[str, str] = {}
    for path in [*responses.PATHS, *_login_paths(site)]:
        for cookie in site.get(path).headers.get_all("Set-Cookie", []):
            name, flaws = _judge(cookie)
            if flaws:
                found.setdefault(name, f"{name} of {path} {', '.join(flaws)}")
    return found.values()


def _login_paths(site: Site) -> list[str]:
    rules = [rule for rule in site.app.url_map.iter_rules() if not rule.arguments]
    return sorted({rule.rule for rule in rules if rule.endpoint.startswith("login.")})


def _judge(cookie: str) -> tuple[str, list[str]]:
    """The name, never the value, and what is wrong with the attributes."""
    pair, *parts = cookie.split(";")
    attributes = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (part.partition("=") for part in parts)
    }
    wrong = {
        "lacks Secure": "secure" not in attributes,
        "lacks HttpOnly": "httponly" not in attributes,
        "lacks SameSite": attributes.get("samesite") not in ("lax", "strict"),
        "has a Domain": bool(attributes.get("domain")),
    }
    return pair.partition("=")[0].strip(), [flaw for flaw, is_so in wrong.items() if is_so]
