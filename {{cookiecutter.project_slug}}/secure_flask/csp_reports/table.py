"""A table of bounded size that counts how often each violation was reported.

When the table is full, the least frequent violations are deleted, the oldest first. So forged
reports displace each other but not violations that users really have. The newest reports
always enter the table, so that nobody can fill it once and hide all later ones.
Times are whole seconds since 1970, UTC. Source: OWASP ASVS 15.2.2, 15.4.2.
"""

import time
from collections.abc import Mapping

from secure_flask.csp_reports.formats import MAX_ORIGIN, MAX_PAGE, Violation
from secure_flask.database import Model, db
from sqlalchemy import BigInteger, String, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

MAX_ROWS = 1000


class ViolationCount(Model):
    """A violation, with the number and times of its reports."""

    __tablename__ = "csp_violations"

    directive: Mapped[str] = mapped_column(String(32), primary_key=True)
    blocked: Mapped[str] = mapped_column(String(MAX_ORIGIN), primary_key=True)
    page: Mapped[str] = mapped_column(String(MAX_PAGE), primary_key=True)
    disposition: Mapped[str] = mapped_column(String(8), primary_key=True)
    times: Mapped[int] = mapped_column(BigInteger)
    first_seen: Mapped[int] = mapped_column(BigInteger)
    last_seen: Mapped[int] = mapped_column(BigInteger)


_KEY = [getattr(ViolationCount, field) for field in Violation._fields]


def add(found: Mapping[Violation, int]) -> None:
    """Count the violations of one body, in one statement."""
    now = int(time.time())
    when = {"first_seen": now, "last_seen": now}
    # Sorted, so that two concurrent bodies with the same violations do not deadlock.
    rows = [{**key._asdict(), "times": times, **when} for key, times in sorted(found.items())]
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    new = insert(ViolationCount).values(rows)
    counted = {"times": ViolationCount.times + new.excluded.times, "last_seen": now}
    db.session.execute(new.on_conflict_do_update(index_elements=_KEY, set_=counted))
    _make_room(now)
    db.session.commit()


def most_frequent() -> list[ViolationCount]:
    """All violations, the most frequent first."""
    most = select(ViolationCount).order_by(ViolationCount.times.desc(), *_KEY)
    return list(db.session.scalars(most))


def latest(limit: int) -> list[ViolationCount]:
    """The most recently reported violations, newest first."""
    last = select(ViolationCount).order_by(ViolationCount.last_seen.desc(), *_KEY).limit(limit)
    return list(db.session.scalars(last))


def clear() -> int:
    """Delete all violations; return the number of rows."""
    count: int = db.session.execute(delete(ViolationCount)).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count


def _make_room(now: int) -> None:
    excess = db.session.scalars(select(func.count()).select_from(ViolationCount)).one() - MAX_ROWS
    if excess <= 0:
        return
    priority = (ViolationCount.last_seen >= now, ViolationCount.times, ViolationCount.last_seen)
    lowest = select(ViolationCount).order_by(*priority).limit(excess)
    # Rows that another request has locked are skipped; waiting for them could deadlock.
    for row in db.session.scalars(lowest.with_for_update(skip_locked=True)):
        db.session.delete(row)
