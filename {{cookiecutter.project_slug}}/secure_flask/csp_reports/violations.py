"""Violations: read from reports of browsers, without personal data, and counted in a table.

Browsers report what the Content-Security-Policy blocked, connections that `Connection-Allowlist`
closed, and scripts that `Integrity-Policy` blocked. A report of the last two names no directive,
so its type stands for it.
A report contains the URL that a user visited, and anybody can send one. Only fields with few
possible values are kept: a known directive, the route of the page, and a keyword, a scheme or an
origin as the blocked value. For a closed connection Chromium sends the whole URL, which may
contain what an injected script stole. A full table deletes its least frequent violations, the
oldest first, so that forged reports displace each other. Times are whole seconds since 1970, UTC.
Source: W3C Content Security Policy Level 3, section 5.3; W3C Reporting API; WICG Connection
Allowlists, "Reporting"; W3C Subresource Integrity, "Report violations"; OWASP ASVS 14.2.6, 15.2.2,
15.4.2.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from flask import current_app
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web.csp import DIRECTIVES
from sqlalchemy import BigInteger, String, delete, func, inspect, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.exceptions import HTTPException

MAX_ROWS = 1000
# A report adds at most 20 rows and may delete this many, so a table that is too large shrinks.
# PostgreSQL may compare each row of the table with each row to delete.
MAX_DELETED = 100
CONNECTION, INTEGRITY = "connection-allowlist", "integrity-violation"
_DIRECTIVES = DIRECTIVES | {CONNECTION, INTEGRITY}
# The names of directive, blocked value, page, source and disposition in all formats.
_NAMES = (
    ("effectiveDirective", "effective-directive", "type"),
    ("blockedURL", "blocked-uri", "connection"),
    ("documentURL", "document-uri", "url"),
    ("sourceFile", "source-file"),
    ("disposition",),
)
# "" is no URL: Chromium omits it for a blocked frame with a data: URL or an unknown scheme, and for
# a link with another scheme than https:.
KEYWORDS = (
    *("", "inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink"),
    "webrtc",
)
# The schemes of a page's own code, not of an extension; about: is the URL of a srcdoc frame.
_OWN_CODE = ("", "http", "https", "data", "blob", "about")
_URL = re.compile(
    r"(?P<origin>(?:https?|wss?)://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)"
    r"(?P<path>/[^?#]*)?(?:[?#]|\Z)"
)

OWN_SITE = "self"
UNKNOWN_PAGE = "(no route)"
MAX_ORIGIN = 300  # characters
MAX_PAGE = 200  # characters


class Violation(NamedTuple):
    """A violation of the policy on the pages of one route."""

    directive: str
    blocked: str
    page: str
    disposition: str


class ViolationCount(CoreModel):
    """A violation, with the number and times of its reports."""

    __tablename__ = "csp_violations"

    directive: Mapped[str] = mapped_column(String(32), primary_key=True)
    blocked: Mapped[str] = mapped_column(String(MAX_ORIGIN), primary_key=True)
    page: Mapped[str] = mapped_column(String(MAX_PAGE), primary_key=True)
    disposition: Mapped[str] = mapped_column(String(8), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    first_seen: Mapped[int] = mapped_column(BigInteger)
    last_seen: Mapped[int] = mapped_column(BigInteger)


_KEY = [getattr(ViolationCount, field) for field in Violation._fields]


def read_violations(body: object) -> Iterator[Violation]:
    """The violations in a body, without those that pages of this app cannot cause."""
    for item in body if isinstance(body, list) else [body]:
        violation = _violation(_fields(item)) if isinstance(item, dict) else None
        if violation:
            yield violation


def add_violations(found: Mapping[Violation, int]) -> list[Violation]:
    """Count the violations of one body, in one statement; return those that the table lacked."""
    now = seconds_now()
    when = {"first_seen": now, "last_seen": now}
    # Rows are sorted, so that two concurrent bodies with the same violations do not deadlock.
    rows = [{**key._asdict(), "count": count, **when} for key, count in sorted(found.items())]
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    new = insert(ViolationCount).values(rows)
    counted = {"count": ViolationCount.count + new.excluded.count, "last_seen": now}
    upsert = new.on_conflict_do_update(index_elements=_KEY, set_=counted)
    stored = db.session.execute(upsert.returning(*_KEY, ViolationCount.count)).all()
    _make_room(now)
    db.session.commit()
    # A row that existed before has a larger number.
    numbers = {Violation(*key): count for *key, count in stored}
    return [each for each, count in numbers.items() if count == found[each]]


def has_table() -> bool:
    """Whether the database has the table of violations.

    :raises SQLAlchemyError: the database cannot be reached.
    """
    db.session.rollback()
    return inspect(db.engine).has_table(ViolationCount.__tablename__)


def most_frequent_violations() -> list[ViolationCount]:
    """The most frequent violations first, at most MAX_ROWS."""
    most = select(ViolationCount).order_by(ViolationCount.count.desc(), *_KEY).limit(MAX_ROWS)
    return list(db.session.scalars(most))


def latest_csp_violations(limit: int) -> list[ViolationCount]:
    """The most recently reported violations, newest first; `limit` is the number of rows.

    Each row of `latest_csp_violations(20)` has `directive`, `blocked`, `page` and `disposition`
    (str; "enforce" or "report"), `count` (int), and `first_seen`, `last_seen` (int, seconds since
    1970).
    """
    last = select(ViolationCount).order_by(ViolationCount.last_seen.desc(), *_KEY).limit(limit)
    return list(db.session.scalars(last))


def _fields(item: dict[str, object]) -> dict[str, object]:
    report = item.get("csp-report", item.get("body"))
    # For a closed connection, the item has the type and the page, which its body lacks.
    return {**item, **report} if isinstance(report, dict) else {}


def _violation(report: dict[str, object]) -> Violation | None:
    directive, address, page, source, disposition = (_first_text(report, names) for names in _NAMES)
    blocked = _blocked_value(address, page)
    by_the_page = source.partition(":")[0] in _OWN_CODE
    if directive not in _DIRECTIVES or blocked is None or not by_the_page:
        return None
    only_reported = disposition == "report" or report.get("reportOnly") is True
    kind = "report" if only_reported else "enforce"
    return Violation(directive, blocked, _route_of_page(page), kind)


def _first_text(report: dict[str, object], names: tuple[str, ...]) -> str:
    values = (report.get(name) for name in names)
    return next((value for value in values if isinstance(value, str)), "")


def _blocked_value(address: str, page: str) -> str | None:
    scheme = address.partition(":")[0]
    if address in KEYWORDS:
        return address
    if scheme in ("data", "blob"):
        return f"{scheme}:"
    url = _URL.match(address)
    own = _URL.match(page)
    if url is None or len(url["origin"]) > MAX_ORIGIN:
        return None
    return OWN_SITE if own and own["origin"] == url["origin"] else url["origin"]


def _route_of_page(page: str) -> str:
    # The route is kept and not the path, which may identify a user.
    url = _URL.match(page)
    path = unquote(url["path"] or "/") if url else ""
    try:
        rule, _ = current_app.url_map.bind("").match(path, "GET", return_rule=True)
    except HTTPException:
        return UNKNOWN_PAGE
    return rule.rule[:MAX_PAGE]


def _make_room(now: int) -> None:
    excess = db.session.scalars(select(func.count()).select_from(ViolationCount)).one() - MAX_ROWS
    if excess <= 0:
        return
    priority = (ViolationCount.last_seen >= now, ViolationCount.count, ViolationCount.last_seen)
    lowest = select(*_KEY).order_by(*priority).limit(min(excess, MAX_DELETED))
    # Rows that another request has locked are skipped; waiting for them could deadlock.
    # PostgreSQL may run a subquery several times, each with other rows, but not a CTE.
    rows = lowest.with_for_update(skip_locked=True).cte("lowest", nesting=True)
    deleted = delete(ViolationCount).where(tuple_(*_KEY).in_(select(rows)))
    # Without this option, the session reads the rows back to look for its objects.
    db.session.execute(deleted, execution_options={"synchronize_session": False})
