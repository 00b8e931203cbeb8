"""The deletion of an account, and the download of all data about a user.

The rows of a user are those that the database deletes with the user, by ON DELETE CASCADE. The
download has exactly these rows, without the secrets of the account.
Source: GDPR, articles 15, 17 and 20; OWASP ASVS 6.3.7, 7.4.2, 14.2.6, 14.3.1.
"""

from collections.abc import Iterable, Iterator, Set
from itertools import groupby
from typing import Any

from flask import Flask
from pydantic import ConfigDict, TypeAdapter
from secure_flask.accounts import (
    factors,
    networks,
    new_logins,
    outbox,
    passkeys,
    recovery_codes,
    steps,
)
from secure_flask.accounts.email_change import CHANGE_REQUEST, MAX_CHANGE_REQUESTS
from secure_flask.accounts.former_addresses import former_addresses_of
from secure_flask.accounts.mailboxes import lock_mailbox
from secure_flask.accounts.registration import end_registrations_of
from secure_flask.accounts.users import AccountMixin, account_of, require_recent_user
from secure_flask.auth import access, authentication, keys
from secure_flask.auth.current_login import current_key, current_login
from secure_flask.auth.login_table import Login
from secure_flask.auth.users import DELETE_USER, record_deletion, user_class, user_deleted
from secure_flask.crypto.encrypted_columns import EncryptedColumn
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import Model, db
from secure_flask.state import app_state
from sqlalchemy import ForeignKey, Table, delete, inspect, or_, select
from sqlalchemy.orm import Mapper

# The download omits these columns: secrets that log in as the user, and values without a meaning.
SECRETS = {"password_hash", "folded_name", "totp_secret", "totp_last_step"}
# The download shows these tables by members such as `logins`, or omits them.
OWN_TABLES = {
    *("logins", "user_roles", "account_steps", "outgoing_mails", "recovery_codes", "wrong_codes"),
    *("login_places", "passkeys", "former_addresses", "user_api_keys"),
}
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
    present = current_key() or current_login()
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
    db.session.execute(delete(type(user)).where(type(user).id == user.id))
    db.session.commit()
    record_deletion(user)
    # An administrator who deletes another user stays logged in.
    if (login := current_login()) and login.user_id == user.id:
        authentication.forget_login(login)


def personal_data(user: AccountMixin) -> dict[str, object]:
    """All that is stored about the logged-in user, as JSON values: `personal_data(current_user)`.

    Members: `account` and `tables` (dicts by column and by table), `roles`, `factors`, `passkeys`,
    `unconfirmed_emails`, `former_emails` (lists of str), `logins` and `keys` (as `list_logins` and
    `list_api_keys` return), and the numbers `recovery_codes`, `trusted_networks` and `known_places`.

    :raises ErrorResponse: 401, no login of the last five minutes.
    """
    require_recent_user()
    requests = steps.steps_of_user(CHANGE_REQUEST, user, limit=MAX_CHANGE_REQUESTS)
    return {
        "account": _values_of_row(user, without=SECRETS),
        "roles": user.role_names,
        "logins": authentication.list_logins(),
        "keys": keys.list_api_keys(),
        "factors": factors.factors_of(user),
        "passkeys": [each.name for each in passkeys.passkeys_of(user)],
        "recovery_codes": recovery_codes.recovery_codes_left(user),
        "unconfirmed_emails": [step.email for step in requests],
        "former_emails": former_addresses_of(user),
        "trusted_networks": networks.count_trusted_networks(user),
        "known_places": new_logins.count_known_places(user),
        "tables": {
            table.name: _rows_of_user(table, keys, user)
            for table, keys in groupby(references_to_users("CASCADE"), lambda key: key.parent.table)
        },
    }


def init_app(app: Flask) -> None:
    app_state(app)[DELETE_USER] = lambda user: delete_account(account_of(user))


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


def _rows_of_user(
    table: Table, keys: Iterable[ForeignKey], user: AccountMixin
) -> list[dict[str, object]]:
    """The rows of a table that refer to the user by one of the keys, such as `sender_id`."""
    mine = or_(*(key.parent == user.id for key in keys))
    mappers = [each for each in Model.registry.mappers if each.local_table is table]
    if not mappers:
        found = db.session.execute(select(table).where(mine)).mappings()
        return [{name: _plain_value(value) for name, value in row.items()} for row in found]
    rows = select(mappers[0].class_).where(mine)
    return [_values_of_row(row) for row in db.session.scalars(rows).unique()]


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
