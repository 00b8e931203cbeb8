"""The deletion of an account, and the download of all data about a user.

The rows of a user are those that the database deletes with the user, by ON DELETE CASCADE. The
download has exactly these rows, without the secrets of the account.
Source: GDPR, articles 15, 17 and 20; OWASP ASVS 6.3.7, 7.4.2, 14.2.6, 14.3.1.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Set
from contextlib import contextmanager
from itertools import groupby
from threading import Lock
from typing import Any
from uuid import UUID

from flask import stream_with_context
from pydantic import ConfigDict, TypeAdapter
from secure_flask.accounts import (
    factors,
    login_places,
    notices,
    outbox,
    passkeys,
    recovery_codes,
    steps,
)
from secure_flask.accounts.addresses import lock_mailbox
from secure_flask.accounts.email_change import (
    CHANGE_REQUEST,
    MAX_CHANGE_REQUESTS,
    former_addresses_of,
)
from secure_flask.accounts.registration import end_registrations_of
from secure_flask.accounts.users import AccountMixin, account_of, require_recent_user
from secure_flask.auth import access, authentication
from secure_flask.auth.logins import Login
from secure_flask.auth.principal import current_login, current_principal
from secure_flask.auth.user_changes import record_deletion, user_deleted
from secure_flask.auth.users import user_class
from secure_flask.crypto.encrypted_columns import EncryptedColumn
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import Model, db
from secure_flask.keys import api_keys
from secure_flask.web.errors import error_response
from sqlalchemy import ForeignKey, Table, delete, inspect, or_, select
from sqlalchemy.orm import Mapper, lazyload

# The download omits these columns: secrets that log in as the user, and values without a meaning.
SECRETS = {"password_hash", "folded_name", "totp_secret", "totp_last_step"}
# The download shows these tables by members such as `logins`, or omits them.
OWN_TABLES = {
    *("logins", "user_roles", "account_steps", "outgoing_mails", "recovery_codes", "wrong_codes"),
    *("login_places", "passkeys", "former_addresses", "user_api_keys"),
}
PIECE = 100  # rows that a download has in memory
WAIT = 2  # seconds that a download waits for the end of another one
RETRY_AFTER = "10"  # seconds
# A process sends one download at a time, so that its other threads serve other requests.
_download = Lock()
_json = TypeAdapter[Any](
    Any, config=ConfigDict(ser_json_bytes="base64", ser_json_inf_nan="strings")
)


def delete_account(user: AccountMixin) -> None:
    """Delete a user and all rows of that user, in one transaction, and notify the addresses.

    `delete_account(current_user)` sends the signal `user_deleted` first.

    Users delete their own account by a login of the last five minutes. For another user, your view
    decides who may do this.

    :raises ErrorResponse: 401, no such login, or the login of this request has ended in the
        meantime; 403, a key of this user sent the request.
    """
    present = current_principal().row
    if present and present.user_id == user.id:
        require_recent_user()
    email = account_of(user).readable_email
    if email:
        lock_mailbox(email)
    user = _locked_user(user)
    user_deleted.send(user)
    _tell_addresses(user)
    if email:
        # An open registration of the address would make a new account.
        end_registrations_of(email)
    # This deletes the other rows of the user too. PostgreSQL would take ten times as long in pieces.
    db.session.execute(delete(type(user)).where(type(user).id == user.id))
    db.session.commit()
    record_deletion(user)
    # An administrator who deletes another user stays logged in.
    if (login := current_login()) and login.user_id == user.id:
        authentication.forget_login(login)


def personal_data(user: AccountMixin) -> Generator[str]:
    """All that is stored about the logged-in user, as the text of a JSON object in pieces.

    `Response(personal_data(current_user), mimetype="application/json")` sends each piece before it
    reads the next. If it fails, the object is not closed, so that no program takes it for whole.

    Members: `account` and `tables` (objects by column and by table), `roles`, `factors`,
    `passkeys`, `unconfirmed_emails`, `former_emails` (lists of str), `logins` and `keys` (as
    `list_logins` and `list_api_keys` return), and the numbers `recovery_codes`,
    `trusted_networks` and `known_places`.

    :raises ErrorResponse: 401, no login of the last five minutes; 503, another download is running.
    """
    require_recent_user()
    pieces = _pieces_of_data(user)
    # This reads the account before the response begins, so that an error has its own status.
    next(pieces)
    return pieces


def _tell_addresses(user: AccountMixin) -> None:
    """Notify the present address and those of the last week: a thief may have changed it."""
    known = [user.readable_email, *former_addresses_of(user)]
    for address in dict.fromkeys(filter(None, known)):
        about = str(user.id)
        outbox.notify_address(address, "account_deleted", about=about, username=user.name)


def _locked_user(user: AccountMixin) -> AccountMixin:
    """Lock the row of a user, and return the user, for which `current_user` is a proxy."""
    model = user_class()
    login = current_login()
    # The user is read again: another request may have changed the address meanwhile.
    query = select(model).where(model.id == user.id).with_for_update()
    found = db.session.scalar(query.execution_options(populate_existing=True))
    lives = select(Login.id).where(Login.id == login.id) if login else None
    if found is None or (lives is not None and db.session.scalar(lives) is None):
        raise access.unauthenticated()
    return account_of(found)


def references_to_users(*actions: str | None) -> Iterator[ForeignKey]:
    """The foreign keys of the app's tables to users that have one of these ON DELETE actions."""
    for table in Model.metadata.sorted_tables:
        for key in table.foreign_keys if table.name not in OWN_TABLES else ():
            if key.target_fullname == "users.id" and key.ondelete in actions:
                yield key


def _pieces_of_data(user: AccountMixin) -> Generator[str]:
    """The empty text, when the account has been read, and then the JSON, with `tables` at its end."""
    with _only_download():
        account = json.dumps(_account_data(user))
        tables = stream_with_context(_tables_of_user(user.id))
        yield ""
        yield account.removesuffix("}") + ', "tables": {'
        yield from tables
        yield "}}\n"


@contextmanager
def _only_download() -> Iterator[None]:
    if not _download.acquire(timeout=WAIT):
        raise error_response(503, "Another download is running", Retry_After=RETRY_AFTER)
    try:
        yield
    finally:
        _download.release()


def _account_data(user: AccountMixin) -> dict[str, object]:
    requests = steps.steps_of_user(CHANGE_REQUEST, user, limit=MAX_CHANGE_REQUESTS)
    return {
        "account": _values_of_row(user, without=SECRETS),
        "roles": user.role_names,
        "logins": authentication.list_logins(),
        "keys": api_keys.list_api_keys(),
        "factors": factors.factors_of(user),
        "passkeys": [each.name for each in passkeys.passkeys_of(user)],
        "recovery_codes": recovery_codes.recovery_codes_left(user),
        "unconfirmed_emails": [step.email for step in requests],
        "former_emails": former_addresses_of(user),
        "trusted_networks": login_places.count_trusted_networks(user),
        "known_places": notices.count_known_places(user),
    }


def _tables_of_user(user_id: UUID) -> Iterator[str]:
    keys = references_to_users("CASCADE")
    for number, (table, of_table) in enumerate(groupby(keys, lambda key: key.parent.table)):
        yield f"{', ' if number else ''}{json.dumps(table.name)}: ["
        for position, rows in enumerate(_rows_of_user(table, of_table, user_id)):
            yield (", " if position else "") + ", ".join(map(json.dumps, rows))
        yield "]"


def _rows_of_user(
    table: Table, keys: Iterable[ForeignKey], user_id: UUID
) -> Iterator[list[dict[str, object]]]:
    """The rows of a table that refer to the user by one of the keys, such as `sender_id`."""
    mine = or_(*(key.parent == user_id for key in keys))
    in_pieces = {"yield_per": PIECE}
    mappers = [each for each in Model.registry.mappers if each.local_table is table]
    if not mappers:
        found = db.session.execute(select(table).where(mine), execution_options=in_pieces)
        for page in found.mappings().partitions():
            yield [{name: _plain_value(value) for name, value in row.items()} for row in page]
        return
    # The data have no relationships. SQLAlchemy could load some of them only with all rows at once.
    rows = select(mappers[0].class_).where(mine).options(lazyload("*"))
    for objects in db.session.scalars(rows, execution_options=in_pieces).partitions():
        yield [_values_of_row(row) for row in objects]


def _values_of_row(row: object, without: Set[str] = frozenset()) -> dict[str, object]:
    """The attributes of a row, encrypted ones decrypted."""
    mapper: Mapper[Any] = inspect(row).mapper
    infos = [getattr(each, "info", {}) for each in mapper.all_orm_descriptors]
    encrypted: list[EncryptedColumn] = [
        info["encrypted_column"] for info in infos if "encrypted_column" in info
    ]
    raw = {name for each in encrypted for name in (each.encrypted, each.index)}
    names = [*(each.key for each in mapper.column_attrs), *(each.name for each in encrypted)]
    return {
        name: _plain_value(readable_value(row, name)) for name in names if name not in raw | without
    }


def _plain_value(value: object) -> object:
    return _json.dump_python(value, mode="json", fallback=str)
