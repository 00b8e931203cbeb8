"""Keys for machines: users make, list and end their own.

A program sends a key as a bearer token. It lasts for a year at most, and no longer than a login if
its user has no password. It opens only views that are
marked `@keys_allowed`, is never a recent login, and has no more roles than its user.
Source: OWASP ASVS 7.2.2, 7.5.1, 13.3.1; OWASP REST Security Cheat Sheet, "API Keys".
"""

from collections.abc import Sequence
from typing import Any

from secure_flask.auth import access
from secure_flask.database.core_tables import needs_core_tables
from secure_flask.keys import stored_keys
from secure_flask.keys.stored_keys import ApiKey
from secure_flask.web import audit
from secure_flask.web.errors import error_response


@needs_core_tables
def create_api_key(
    name: str, *, expires_in: int | None = None, roles: Sequence[str] = ()
) -> dict[str, Any]:
    """Make a key of the user, who has just logged in, and commit: `create_api_key("Backup")`.

    It lasts for `expires_in` seconds, 90 days if that is None and 365 days at most, but for a user
    without a password no longer than a login. It has the given `roles` as long as the user has
    them. The dict has `id`, `name`, `key` (str), `expires`
    (int, in seconds since 1970), and `roles` (list of str). `key` is never shown again.

    :raises ErrorResponse: 400, a bad name or lifetime; 401, no recent login; 403, a key sent the
        request, or the user lacks a role; 409, the user has a key of this name, or MAX_API_KEYS
        keys.
    """
    login = access.require_login(minutes=access.RECENT)
    key, secret = stored_keys.store_key(access.require_user(), name, expires_in, roles, login=login)
    audit.record(audit.TOKEN_CREATED, key=key.id, roles=", ".join(key.roles))
    return {
        "id": key.id,
        "name": key.name,
        "key": secret,
        "expires": key.expires,
        "roles": key.roles,
    }


@needs_core_tables
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
        for key in stored_keys.keys_of(access.require_user())
    ]


@needs_core_tables
def end_api_key(key_id: str) -> None:
    """End one of the user's keys and commit: `end_api_key(key_id)`, an id of `list_api_keys`.

    :raises ErrorResponse: 401, nobody is logged in; 403, a key sent the request; 404, the user has
        no such key.
    """
    if not stored_keys.end_key_of(key_id, ApiKey.user_id == access.require_user().id):
        raise error_response(404, "Not Found")
    audit.record(audit.TOKEN_REVOKED, key=key_id)
