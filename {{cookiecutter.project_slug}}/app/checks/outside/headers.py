"""Compares the headers that visitors get with those that the app itself sends.

Proxies add, replace and repeat headers. Of two X-Frame-Options browsers follow none, and of
two policies both. Source: OWASP ASVS 3.4.1 to 3.4.8.
"""

import re
from collections.abc import Callable, Iterable
from logging import ERROR, INFO, WARNING

from app.checks import responses
from app.checks.outside.check import outside_check
from app.checks.outside.site import Site

# They belong to the transfer, to the file's date or to a check of their own.
NOT_COMPARED = {
    *("age", "alt-svc", "connection", "content-encoding", "content-length", "date", "keep-alive"),
    *("transfer-encoding", "etag", "last-modified", "x-request-id"),
    *("server", "set-cookie", "via", "x-powered-by"),
}
NONCE = re.compile(r"'nonce-[^']*'")
Judge = Callable[[str, list[str], list[str]], bool]  # of a header's name, what is sent and expected


@outside_check(
    "outside.header-missing",
    ERROR,
    "{} does not arrive, although the app sends it.",
    "Remove what hides it: in nginx proxy_hide_header, in Caddy `header -Name`.",
)
def missing(site: Site) -> Iterable[str]:
    return _judged(site, lambda name, sent, expected: not sent)


@outside_check(
    "outside.header-changed",
    WARNING,
    "{} arrives with another value than the app sends.",
    "Remove add_header (nginx) or `header` (Caddy) and write the value into app/policy.py.",
)
def changed(site: Site) -> Iterable[str]:
    return _judged(site, _is_changed)


@outside_check(
    "outside.header-doubled",
    WARNING,
    "{} arrives more than once.",
    "The app sends it already: remove add_header (nginx) or `header` (Caddy) from the proxy.",
)
def doubled(site: Site) -> Iterable[str]:
    return _judged(site, lambda name, sent, expected: 0 < len(expected) < len(sent))


@outside_check(
    "outside.header-added",
    INFO,
    "{} is added by something in front of the app.",
    "Remove it there if you do not need it, or write it into app/policy.py.",
)
def added(site: Site) -> Iterable[str]:
    # A proxy that compresses adds Vary too.
    return _judged(site, lambda name, sent, expected: not expected and name != "Vary")


def _judged(site: Site, judge: Judge) -> Iterable[str]:
    """The headers of which the judge says so, each with its paths."""
    found: dict[str, list[str]] = {}
    asked = responses.paths()
    for path in asked:
        answer, own = site.get(path), site.own(path)
        if answer.status != own.status_code:
            continue  # outside.status reports this
        names = {name.title(): name for name in [*answer.headers, *own.headers.keys()]}
        for title, name in names.items():
            pair = answer.headers.get_all(name, []), own.headers.getlist(name)
            if name.lower() not in NOT_COMPARED and judge(title, *pair):
                found.setdefault(title, []).append(path)
    return [
        f"{name} of {'every response' if paths == asked else ', '.join(paths)}"
        for name, paths in found.items()
    ]


def _is_changed(name: str, sent: list[str], expected: list[str]) -> bool:
    if not sent or not expected or len(sent) > len(expected):
        return False
    if name == "Vary":
        # More makes caches only more careful.
        return not _items(expected) <= _items(sent)
    return [NONCE.sub("", value) for value in sent] != [NONCE.sub("", value) for value in expected]


def _items(values: list[str]) -> set[str]:
    return {item.strip().lower() for item in ",".join(values).split(",")}
