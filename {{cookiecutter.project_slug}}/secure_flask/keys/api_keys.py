"""Keys for machines, by which programs act for a user; users make, list and end their own.

A program sends a key as a bearer token. It lasts for a year at most, and no longer than a login if
its user has no password. It opens only views that are marked `@keys_allowed`, is never a recent
login, and has no more roles than its user.

A row holds the SHA-256 of the key, never the key, so a key ends at once when its row is deleted.
Times are whole seconds since 1970, UTC. A user has at most MAX_API_KEYS keys. One more is refused: to
replace an old key would stop a program that still uses it.
Source: OWASP ASVS 7.2.2, 7.2.3, 7.5.1, 13.3.1; OWASP REST Security Cheat Sheet, "API Keys".
"""

import secrets
from collections.abc import Sequence
from string import ascii_letters, digits
from typing import Any
from uuid import UUID

from blinker import Namespace
from flask import Flask, current_app
from secure_flask.auth import access, logins
from secure_flask.auth.logins import DAY, Credential, Login, lifetime_of
from secure_flask.auth.tokens import opaque
from secure_flask.auth.users import UserMixin, demands_second_factor, locked_user, user_class
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response, field_error, plain_error, translated_text
from secure_flask.web.origins import PolicyError
from secure_flask.web.validation import is_plain_text
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    ForeignKey,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

KIND = "key"
MAX_KEY_NAME = 80  # characters
DEFAULT_LIFETIME = 90 * DAY
LONGEST_LIFETIME = 365 * DAY  # seconds
# 43 of these hold 256 random bits. A double click selects the whole key, unlike base64url.
CHARACTERS = ascii_letters + digits
# Tokens of the type jwt begin with `{"` in base64url.
JWT_PREFIX = "eyJ"

# This signal gets the user and the `name` of a new key, in the transaction that stores it.
key_created = Namespace().signal("key-created")


class ApiKey(Credential):
    """A key of one program."""

    __tablename__ = "user_api_keys"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    # The id is a part of the key, so an operator can end a leaked key without knowing its user.
    id: Mapped[str] = mapped_column(
        String(16), primary_key=True, default=lambda: secrets.token_hex(8)
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(MAX_KEY_NAME))
    # The roles chosen for the key. A request has only those of them that the user still has.
    roles: Mapped[list[str]] = mapped_column(JSON)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    # Whether the login that made it had shown a second factor; true for a key of an operator.
    second_factor: Mapped[bool] = mapped_column(default=False)
    created: Mapped[int] = mapped_column(BigInteger)
    last_used: Mapped[int | None] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)

    user: Mapped[UserMixin] = relationship(lambda: user_class(), lazy="joined", innerjoin=True)

    @property
    def ends(self) -> int:
        """The time when the key ends, also if its user has lost the password since."""
        return min(self.expires, self.created + longest_lifetime(self.user))

    def is_live(self) -> bool:
        """Whether the key has not ended and its user is enabled.

        A key without a second factor is refused once the user has a role that demands one.
        """
        if seconds_now() >= self.ends or self.user.disabled:
            return False
        return self.second_factor or not demands_second_factor(self.user)


# It is built once, since each request with a key runs it.
_BY_SECRET = select(ApiKey).where(ApiKey.secret_hash == bindparam("secret_hash"))
logins.end_with_logins(ApiKey)


def longest_lifetime(user: UserMixin) -> int:
    """Seconds that a key of a user lasts at most.

    A user without a password logs in by another site, and may have left there. Such a key lasts as
    long as a login by a page.
    """
    return LONGEST_LIFETIME if user.has_password else lifetime_of("session")


def create_api_key(
    name: str, *, expires_in: int | None = None, roles: Sequence[str] = ()
) -> dict[str, Any]:
    """Make a key of the user, who has just logged in, and commit: `create_api_key("Backup")`.

    It lasts for `expires_in` seconds, 90 days if that is None and 365 days at most. The key of a user
    without a password lasts no longer than a login. It has the given `roles` as long as the user
    has them. The dict has `id`, `name`, `key` (str), `expires` (int, in seconds since 1970), and
    `roles` (list of str). `key` is never shown again.

    :raises ErrorResponse: 400, a bad name or lifetime; 401, no recent login; 403, a key sent the
        request, or the user lacks a role; 409, the user has a key of this name, or MAX_API_KEYS
        keys.
    """
    login = access.require_login(minutes=access.RECENT)
    key, secret = store_key(access.require_user(), name, expires_in, roles, login=login)
    audit.record(audit.TOKEN_CREATED, key=key.id, roles=", ".join(key.roles))
    return {
        "id": key.id,
        "name": key.name,
        "key": secret,
        "expires": key.expires,
        "roles": key.roles,
    }


def list_api_keys() -> list[dict[str, Any]]:
    """The keys of the user by name: `return {"keys": list_api_keys()}`.

    Each has `id`, `name` (str), `created`, `last_used`, `expires` (int, in seconds since 1970;
    `last_used` is None before the first use), and `roles` (list of str).

    :raises ErrorResponse: 401, nobody is logged in; 403, a key sent the request.
    """
    return [
        {
            "id": key.id,
            "name": key.name,
            "created": key.created,
            "last_used": key.last_used,
            "expires": key.ends,
            "roles": key.roles,
        }
        for key in keys_of(access.require_user())
    ]


def end_api_key(key_id: str) -> None:
    """End one of the user's keys and commit: `end_api_key(key_id)`, an id of `list_api_keys`.

    :raises ErrorResponse: 401, nobody is logged in; 403, a key sent the request; 404, the user has
        no such key.
    """
    if not end_key_of(key_id, ApiKey.user_id == access.require_user().id):
        raise error_response(404, "Not Found")
    audit.record(audit.TOKEN_REVOKED, key=key_id)


def store_key(
    user: UserMixin,
    name: str,
    expires_in: int | None,
    roles: Sequence[str],
    *,
    login: Login | None,
) -> tuple[ApiKey, str]:
    """Store a new key and commit; return its row and its text. `login` is None for an operator.

    :raises ErrorResponse: 400, a bad name or lifetime; 401, the login has ended, or the user is
        disabled or deleted; 403, the user lacks a role; 409, the name exists, or too many keys do.
    """
    usual = min(DEFAULT_LIFETIME, longest_lifetime(user))
    lifetime = usual if expires_in is None else expires_in
    _check_values(user, name, lifetime, roles)
    _lock_owner(user, login)
    _make_room(user, name)
    now = seconds_now()
    key_id = secrets.token_hex(8)
    secret = _new_key(key_id)
    key = ApiKey(
        id=key_id,
        user_id=user.id,
        name=name,
        roles=sorted({*roles}),
        secret_hash=logins.hash_of_secret(KIND, secret),
        second_factor=login is None or login.second_factor,
        created=now,
        expires=now + lifetime,
    )
    db.session.add(key)
    key_created.send(user, name=name)
    db.session.commit()
    return key, secret


def find_key(secret: str) -> ApiKey | None:
    """The live key of this text. This flushes nothing that the view has added to the session."""
    if not opaque.has_right_checksum(_prefix(), secret):
        return None
    with db.session.no_autoflush:
        key = db.session.scalar(_BY_SECRET, {"secret_hash": logins.hash_of_secret(KIND, secret)})
        if key is None or key.is_live():
            return key
    # A program still sends a key that has expired, or that its user may not use any more.
    audit.record(audit.SESSION_USE_AFTER_EXPIRE, user_id=key.user_id, key=key.id)
    return None


def is_key(token: str) -> bool:
    """Whether a token has the prefix of keys, so that it can be nothing else."""
    return token.startswith(_prefix())


def keys_of(user: UserMixin) -> list[ApiKey]:
    """The live keys of a user by name."""
    if user.disabled:
        return []
    mine = select(ApiKey).where(ApiKey.user_id == user.id)
    now = seconds_now()
    return [key for key in db.session.scalars(mine.order_by(ApiKey.name)) if key.ends > now]


def end_key_of(key_id: str, *owners: ColumnElement[bool]) -> bool:
    """End a key and commit; False if no key has this id and meets the conditions `owners`."""
    if not (key_id.isascii() and key_id.isalnum()):
        # PostgreSQL refuses some other texts, such as NUL.
        return False
    mine = delete(ApiKey).where(ApiKey.id == key_id, *owners)
    ended = db.session.scalar(mine.returning(ApiKey.id)) is not None
    db.session.commit()
    return ended


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: a key could be taken for another token.
    """
    key = app.config["API_KEY_PREFIX"]
    opaque = app.config["OPAQUE_TOKEN_PREFIX"]
    for name, other in {"OPAQUE_TOKEN_PREFIX": opaque, "a JSON Web Token": JWT_PREFIX}.items():
        if key.startswith(other) or other.startswith(key):
            raise PolicyError(
                f"policy.py: API_KEY_PREFIX is {key!r}, and {name} begins with {other!r}: choose two "
                "prefixes of which none begins with the other, as in 'bakery_key_'."
            )


def _check_values(user: UserMixin, name: str, lifetime: int, roles: Sequence[str]) -> None:
    if not is_plain_text(name) or len(name) > MAX_KEY_NAME:
        raise field_error(400, "name", "A name has 1 to 80 characters, on one line")
    if not 1 <= lifetime <= LONGEST_LIFETIME:
        raise field_error(400, "expires_in", "A key lasts for 1 second to 365 days")
    if lifetime > (longest := longest_lifetime(user)):
        message = "A key of a user without a password lasts for at most {max} seconds"
        raise field_error(400, "expires_in", translated_text(message, max=longest))
    if not {*roles} <= {*user.role_names}:
        raise field_error(403, "roles", "A key has only roles of its user")


def _lock_owner(user: UserMixin, login: Login | None) -> None:
    """Lock the user's row, so that MAX_API_KEYS holds, and the login's row, which may be deleted.

    `end_logins_of` ends logins before keys, so it waits for this and finds the new key.
    """
    owner = locked_user(user)
    lives = select(Login.id).where(Login.id == login.id).with_for_update() if login else None
    if owner is None or (lives is not None and db.session.scalar(lives) is None):
        db.session.rollback()
        raise plain_error(401)


def _make_room(user: UserMixin, name: str) -> None:
    """Delete a user's keys that have ended, and refuse a name that exists or a key above MAX_API_KEYS."""
    keys = db.session.scalars(select(ApiKey).where(ApiKey.user_id == user.id)).all()
    now = seconds_now()
    ended = [key.id for key in keys if key.ends <= now]
    db.session.execute(delete(ApiKey).where(ApiKey.id.in_(ended)))
    names = [key.name for key in keys if key.id not in ended]
    is_full = len(names) >= current_app.config["MAX_API_KEYS"]
    if name in names or is_full:
        db.session.rollback()
    if name in names:
        raise error_response(409, "There is a key of this name already")
    if is_full:
        raise error_response(409, "You have as many keys as are allowed: end one first")


def _new_key(key_id: str) -> str:
    random = "".join(secrets.choice(CHARACTERS) for _ in range(43))
    return opaque.with_checksum(_prefix(), f"{key_id}_{random}")


def _prefix() -> str:
    return str(current_app.config["API_KEY_PREFIX"])
