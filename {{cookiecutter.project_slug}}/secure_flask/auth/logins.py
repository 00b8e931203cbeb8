"""Logins: each is one row, so that it ends at once when the row is deleted.

A row holds the SHA-256 of the secret, never the secret, so a stolen table cannot be used to log in.
Times are whole seconds since 1970, UTC. A user has at most MAX_LOGINS logins of each kind.

A row says which client logged in, so that users recognise their own logins: the browser and system
that the client claims, and its shortened address. This text is encrypted.
Source: OWASP Session Management Cheat Sheet; OWASP ASVS 7.1.1, 7.1.2, 7.2.1, 7.3.1 to 7.4.3, 7.5.2.
"""

import re
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import UUID

from blinker import Namespace
from flask import current_app, has_request_context, request
from secure_flask.auth.users import UserMixin, demands_second_factor, locked_user, user_class
from secure_flask.clock import seconds_now
from secure_flask.crypto.encrypted_columns import EncryptedString
from secure_flask.database import db
from secure_flask.database.database import CoreModel, impatient_transaction
from secure_flask.web import audit
from secure_flask.web.counters import client_address
from secure_flask.web.errors import plain_error, translated_text
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    CursorResult,
    ForeignKey,
    Select,
    String,
    and_,
    bindparam,
    case,
    delete,
    event,
    func,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

DAY = 24 * 60 * 60  # seconds
# Seconds until a login ends, even one in use, if policy.py sets no LOGIN_LIFETIME.
LIFETIMES = {"session": DAY // 2, "opaque": DAY, "refresh": 14 * DAY}
# Seconds without a request until a login ends, if policy.py sets no LOGIN_IDLE; 0 for no limit.
IDLE_TIMEOUTS = {"session": 60 * 60, "opaque": 0, "refresh": 3 * DAY}

Execute = Callable[..., Any]

_ID = re.compile(r"[0-9a-f]{32}")
# This signal gets the user, or None for all users, and `execute`, which runs a statement in the
# transaction that ends all logins.
all_logins_ended = Namespace().signal("all-logins-ended")
# This signal gets the user and the new `login`, in its transaction. One that replaces another login
# sends none.
login_started = Namespace().signal("login-started")
# This signal comes before the rows of logins change for a new one.
login_begins = Namespace().signal("login-begins")
# This signal gets the user and the `login` that is stored, also if it replaces another one.
login_stored = Namespace().signal("login-stored")
LAST_USED_STEP = 60  # seconds between updates of last_used, so that not every request writes
LISTED = 1000  # logins that a user is shown: MAX_LOGINS of each kind, unless that is very high
PURGED = 1000  # expired logins that one transaction deletes, so that no other waits for long

# The first match counts: Edge and Opera also name Chrome, and Chrome names Safari.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "SamsungBrowser/": "Samsung Internet",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


class Voucher(NamedTuple):
    """Who identified a user before this login, such as another site, and when.

    `at` is in seconds since 1970; None if it is unknown.
    """

    provider: str
    at: int | None


class Credential(CoreModel):
    """A row by which requests act for a user: a login, or what a program shows, such as a key."""

    __abstract__ = True

    if TYPE_CHECKING:
        id: Mapped[str]
        user_id: Mapped[UUID]
        last_used: Mapped[Any]
        expires: Mapped[int]
        user: Mapped[UserMixin]


class Login(Credential):
    """A login of one client."""

    __tablename__ = "logins"

    # The id is random, since access tokens and pages show it.
    id: Mapped[str] = mapped_column(
        String(32), primary_key=True, default=lambda: secrets.token_hex(16)
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # The kind of token that the client holds: session, opaque or refresh.
    kind: Mapped[str] = mapped_column(String(16))
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    # A part of a refresh token changes at each use: its present hash, the one before, and the time
    # of the change.
    rotation_hash: Mapped[bytes | None]
    previous_hash: Mapped[bytes | None]
    rotated: Mapped[int | None] = mapped_column(BigInteger)
    # How many rotations in a row were repeated, and whether the previous one was.
    repeats: Mapped[int] = mapped_column(default=0)
    repeated: Mapped[bool] = mapped_column(default=False)
    created: Mapped[int] = mapped_column(BigInteger)
    # The time when the user entered the password, used a passkey or logged in elsewhere; None if it
    # is unknown.
    authenticated: Mapped[int | None] = mapped_column(BigInteger)
    last_used: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)
    # A login that the user asked to keep has no idle timeout.
    kept: Mapped[bool] = mapped_column(default=False)
    # Whether the user showed a second factor when the login began.
    second_factor: Mapped[bool] = mapped_column(default=False)
    client: Mapped[str | None] = mapped_column(EncryptedString("logins.client"), deferred=True)

    user: Mapped[UserMixin] = relationship(lambda: user_class(), lazy="joined", innerjoin=True)

    def is_live(self) -> bool:
        """Whether the login has not expired, was not idle too long, and its user is enabled.

        A login without a second factor is refused once the user has a role that demands one.
        """
        now = seconds_now()
        idle = idle_timeout_of(self.kind)
        # abs(): a clock that is set back must not extend the idle timeout.
        is_idle = idle and not self.kept and abs(now - self.last_used) >= idle
        if now >= self.expires or is_idle or self.user.disabled:
            return False
        return self.second_factor or not demands_second_factor(self.user)

    def begin(self, voucher: Voucher | None = None) -> None:
        """Let the login begin now, for the lifetime of its kind.

        Without a voucher the user has just entered the password or used a passkey.
        """
        now = seconds_now()
        kept_for: int = current_app.config["KEPT_LIFETIME"]
        self.created = self.last_used = now
        self.authenticated = voucher.at if voucher else now
        self.expires = now + (kept_for if self.kept else lifetime_of(self.kind))


# Each request runs one of these. To build it anew takes as long as SQLite needs for the answer.
_BY_SECRET = select(Login).where(Login.secret_hash == bindparam("value"))
_BY_ID = select(Login).where(Login.id == bindparam("value"))


def lifetime_of(kind: str) -> int:
    """Seconds until a login of this kind ends, even one in use, unless its user keeps it."""
    chosen: int | None = current_app.config["LOGIN_LIFETIME"]
    return chosen or LIFETIMES[kind]


def idle_timeout_of(kind: str) -> int:
    """Seconds without a request until a login of this kind ends; 0 for no limit."""
    chosen: int | None = current_app.config["LOGIN_IDLE"]
    return IDLE_TIMEOUTS[kind] if chosen is None else chosen


def live_logins() -> ColumnElement[bool]:
    """The condition of `is_live` for a query, without its checks of the user."""
    now = seconds_now()
    idle = case({kind: idle_timeout_of(kind) for kind in IDLE_TIMEOUTS}, value=Login.kind)
    in_use = or_(Login.kept, idle == 0, func.abs(now - Login.last_used) < idle)
    return and_(Login.expires > now, in_use)


# The tables of what programs act by, such as keys, which end with all logins of their user.
_PROGRAMS: list[type[Credential]] = []


def end_with_logins(table: type[Credential]) -> None:
    """Let the rows of a table, by which programs act for users, end with all logins of the user."""
    _PROGRAMS.append(table)


def new_secret() -> str:
    """256 random bits in base64url."""
    return secrets.token_urlsafe(32)


def hash_of_secret(kind: str, secret: str) -> bytes:
    """The hash to store; `kind` keeps a token of one kind from being used as another."""
    # The hash needs neither a salt nor a slow function: a secret has at least 120 random bits.
    return sha256(f"{kind}:{secret}".encode("utf-8", "surrogatepass")).digest()


def start_login(
    user: UserMixin,
    kind: str,
    secret: str,
    *,
    rotation: str = "",
    kept: bool = False,
    shown: str = "",
    second_factor: bool = False,
    replaces: Login | None = None,
    voucher: Voucher | None = None,
) -> Login:
    """Store a login, end the login of the secret `shown` and the login `replaces`, and commit.

    The second factor of the replaced login counts for the new one too. The caller must have locked
    the user's row, so that no concurrent login changes the others.

    :raises ErrorResponse: 401, `replaces` has ended in the meantime, such as by a logout.
    """
    login_begins.send(user)
    _end_former(kind, shown, replaces)
    login = Login(
        user_id=user.id,
        kind=kind,
        secret_hash=hash_of_secret(kind, secret),
        rotation_hash=hash_of_secret(kind, rotation) if rotation else None,
        kept=kept,
        second_factor=second_factor or (replaces is not None and replaces.second_factor),
        client=describe_client(),
    )
    login.begin(voucher)
    db.session.add(login)
    _end_excess(login)
    if replaces is None:
        login_started.send(user, login=login)
    db.session.commit()
    login_stored.send(user, login=login)
    return login


def find_login_by_secret(kind: str, secret: str) -> Login | None:
    """The live login of this secret."""
    return _find_live_login(_BY_SECRET, hash_of_secret(kind, secret))


def find_login_by_id(login_id: str) -> Login | None:
    """The live login with this id, such as that in an access token."""
    return _find_live_login(_BY_ID, login_id) if is_login_id(login_id) else None


def is_last_used_outdated(row: Credential) -> bool:
    """Whether the stored time of the last use is old enough to be replaced."""
    # abs(): after the clock was set back, the stored time must be corrected.
    return row.last_used is None or abs(seconds_now() - row.last_used) >= LAST_USED_STEP


def store_last_used(table: type[Credential], row_id: str) -> None:
    """Store that a login or key was used now, in a transaction that waits for no lock.

    If the row is locked or the database is read-only, the old time stays.
    """
    now = seconds_now()
    try:
        with impatient_transaction() as connection:
            connection.execute(update(table).where(table.id == row_id).values(last_used=now))
    except SQLAlchemyError as error:
        current_app.logger.warning("last_used of a login is not stored: %s", type(error).__name__)


def is_login_id(text: str) -> bool:
    """Whether a login may have this id. PostgreSQL refuses some other texts, such as NUL."""
    return _ID.fullmatch(text) is not None


def logins_of(user: UserMixin) -> list[Login]:
    """The live logins of a user, newest first, and at most LISTED of them."""
    if user.disabled:
        return []
    mine = select(Login).where(Login.user_id == user.id, live_logins())
    newest_first = mine.order_by(Login.created.desc(), Login.id)
    return list(db.session.scalars(newest_first.limit(LISTED)))


def end_login_of(login_id: str, user: UserMixin) -> bool:
    """End a login and commit; False if this user has none with this id."""
    if not is_login_id(login_id):
        return False
    ended = _delete_logins(Login.id == login_id, Login.user_id == user.id)
    db.session.commit()
    return ended > 0


def end_logins_of(user: UserMixin, *, keep: Login | None = None, keep_keys: bool = False) -> None:
    """End all logins of a user but `keep`, and all keys unless `keep_keys`; the caller commits."""
    # The lock waits for a login that begins now, so that it ends below too.
    locked_user(user)
    _end_all_of(user, Login.id != (keep.id if keep else ""), keep_keys=keep_keys)


@event.listens_for(UserMixin, "after_update", propagate=True)
def _end_all_of_changed(mapper: Mapper[Any], connection: Connection, user: UserMixin) -> None:
    """End all logins and keys of a user whose `disabled` any code changes, in its transaction.

    A change to False ends them too: SQL can set True, and nothing from before may come back.
    """
    # The update of the user has just locked the row, as `end_logins_of` does.
    if inspect(user).attrs.disabled.history.has_changes():
        _end_all_of(user, execute=connection.execute)


def end_all_logins() -> tuple[int, int]:
    """End all logins and keys of all users, and commit; return the number of both."""
    # The order is that of `end_logins_of`, so that the two cannot deadlock.
    ended = _delete_logins()
    all_logins_ended.send(None, execute=db.session.execute)
    # A half login may have become a login before the signal ended all half logins.
    ended += _delete_logins()
    keys = sum(map(_delete_rows, _PROGRAMS))
    db.session.commit()
    fields = {"reason": "revoked", "session": "all of all users", "by": "command line"}
    audit.record(audit.SESSION_EXPIRED, count=ended, **fields)
    if keys:
        audit.record(audit.TOKEN_REVOKED, key="all of all users", count=keys, by="command line")
    return ended, keys


def purge_logins() -> int:
    """Delete expired logins and keys; return their number."""
    return _purge(Login) + sum(map(_purge, _PROGRAMS))


def describe_client() -> str | None:
    """The client of this request, such as "Firefox on Linux, 203.0.113.*"; None in a command."""
    if not has_request_context():
        return None
    found, system = browser_and_system()
    client = browser = found or translated_text("Unknown browser")
    if system:
        client = translated_text("{browser} on {system}", browser=browser, system=system)
    return f"{client}, {_shortened()}"


def browser_and_system() -> tuple[str | None, str | None]:
    """The browser and system that the client of this request claims, without their versions."""
    sent = request.headers.get("User-Agent", "")
    return _first(BROWSERS, sent), _first(SYSTEMS, sent)


def _find_live_login(statement: Select[Any], value: object) -> Login | None:
    # This only reads: it flushes nothing that the view has added to the session.
    with db.session.no_autoflush:
        login: Login | None = db.session.scalar(statement, {"value": value})
        return login if login and login.is_live() else None


def _end_former(kind: str, shown: str, replaces: Login | None) -> None:
    if replaces and not _delete_logins(Login.id == replaces.id):
        db.session.rollback()
        raise plain_error(401)
    if shown:
        _delete_logins(Login.secret_hash == hash_of_secret(kind, shown))


def _end_excess(new: Login) -> None:
    """End the least recently used logins beyond MAX_LOGINS. The new one is always kept."""
    db.session.flush()
    others = (Login.user_id == new.user_id, Login.kind == new.kind, Login.id != new.id)
    newest_first = (
        select(Login.id).where(*others).order_by(Login.last_used.desc(), Login.created.desc())
    )
    # PostgreSQL hashes the subquery of a NOT IN. It may join that of an IN row by row.
    kept = newest_first.limit(current_app.config["MAX_LOGINS"] - 1)
    if ended := _delete_logins(*others, Login.id.not_in(kept)):
        audit.record(audit.SESSIONS_EXCEEDED, user_id=new.user_id, count=ended)


def _purge(table: type[Credential]) -> int:
    expired = select(table.id).where(table.expires <= seconds_now()).limit(PURGED)
    # A row that a request has locked is left to the next purge; waiting for it could deadlock.
    # PostgreSQL may run a subquery several times, each with other rows, but not a CTE.
    some = expired.with_for_update(skip_locked=True).cte("expired", nesting=True)
    total = 0
    deleted = PURGED
    while deleted == PURGED:
        deleted = _delete_rows(table, table.id.in_(select(some.c.id)))
        db.session.commit()
        total += deleted
    return total


def _end_all_of(
    user: UserMixin,
    *conditions: ColumnElement[bool],
    keep_keys: bool = False,
    execute: Execute = db.session.execute,
) -> None:
    """End the logins of a user that meet the conditions, keys and what all logins end with."""
    _delete_rows(Login, Login.user_id == user.id, *conditions, execute=execute)
    # Keys end after the logins, which could make new ones.
    for table in () if keep_keys else _PROGRAMS:
        if ended := _delete_rows(table, table.user_id == user.id, execute=execute):
            audit.record(audit.TOKEN_REVOKED, key="all", count=ended, of_user=user.id)
    all_logins_ended.send(user, execute=execute)


def _delete_logins(*conditions: ColumnElement[bool]) -> int:
    return _delete_rows(Login, *conditions)


def _delete_rows(
    table: type[Credential],
    *conditions: ColumnElement[bool],
    execute: Execute = db.session.execute,
) -> int:
    # Without this option, SQLAlchemy reads the ids of all deleted rows to update its session.
    blindly = {"synchronize_session": False}
    result = execute(delete(table).where(*conditions), execution_options=blindly)
    return cast(CursorResult[Any], result).rowcount


def _first(names: dict[str, str], sent: str) -> str | None:
    return next((name for sign, name in names.items() if sign in sent), None)


def _shortened() -> str:
    """Three quarters of an IPv4 address; the site of an IPv6 address."""
    address = client_address(prefix=48)
    return f"{address.rpartition('.')[0]}.*" if "." in address else address
