"""A request for another name, sent to this server, gets neither the site nor a redirect to there.

Otherwise a forged Host header may poison caches and links, and a foreign name may be pointed at
the site. Source: RFC 9110, section 7.4; OWASP ASVS 4.1.3.
"""

from collections.abc import Iterable
from email.message import Message
from logging import ERROR, INFO, WARNING
from urllib.parse import urlsplit

from app.checks.outside.check import outside_check
from app.checks.outside.no_answer import NoAnswer
from app.checks.outside.site import Site
from app.checks.outside.transport import Answer

# Nobody can register such a name. Source: RFC 6761, section 6.4.
FOREIGN = "asked-by-flask-check.invalid"
# The app sends it with each response, so what carries it is the site.
OF_THE_SITE = "Content-Security-Policy"
BAD_REQUEST = 400


@outside_check(
    "outside.foreign-host",
    ERROR,
    "A request for the name {} gets the site.",
    "Pass on the name that the client sent: nginx: proxy_set_header Host $http_host; Caddy: no "
    "header_up Host. The app then refuses it by TRUSTED_HOSTS.",
)
def foreign_host(site: Site) -> Iterable[str]:
    answer = _answer(site, "https")
    return [FOREIGN] if _is_good(answer) and _is_of_the_site(answer) else []


@outside_check(
    "outside.foreign-host-accepted",
    INFO,
    "A request for another name is answered with {} by something in front, and not refused.",
    "Refuse names that are not yours: nginx: a default_server with `return 421;`, Caddy: a site "
    "`https://` with `respond 421`.",
)
def accepted_host(site: Site) -> Iterable[str]:
    answer = _answer(site, "https")
    reported = _is_of_the_site(answer) or _leads_to_foreign(answer)
    return [str(answer.status)] if _is_good(answer) and not reported else []


@outside_check(
    "outside.foreign-redirect",
    WARNING,
    "A request for another name over {} is redirected to that name.",
    "Write the name of the site into the redirect, in nginx in place of $host or $http_host.",
)
def foreign_redirect(site: Site) -> Iterable[str]:
    return [each for each in ("http", "https") if _leads_to_foreign(_answer(site, each))]


def _answer(site: Site, scheme: str) -> Answer:
    try:
        return site.ask("GET", "/", {"Host": FOREIGN}, scheme=scheme)
    except NoAnswer as error:
        # To close the connection is to refuse; outside.http-closed reports a closed port.
        if error.closed or scheme == "http":
            return Answer(BAD_REQUEST, Message(), b"")
        raise


def _is_good(answer: Answer) -> bool:
    return answer.status < BAD_REQUEST


def _is_of_the_site(answer: Answer) -> bool:
    return OF_THE_SITE in answer.headers


def _leads_to_foreign(answer: Answer) -> bool:
    return urlsplit(answer.headers.get("Location", "")).hostname == FOREIGN
