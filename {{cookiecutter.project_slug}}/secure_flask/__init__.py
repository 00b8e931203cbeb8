"""The core of a secure Flask app: the same in every project, replaced whole by an update.

`init_app` sets all of it up. Your code imports the names of `__all__` from here, so that the
modules behind them may move. See README.md in this folder.

`help()` of a function or class explains it. These names are objects:

- `current_user`: the logged-in user, a row of your user class; falsy where nobody is logged in.
- `db`: Flask-SQLAlchemy, as in `db.session.commit()` and `db.first_or_404(select(Task))`.
- `audit`: the module of the audit log, as in `audit.record(audit.USER_UPDATED, task=task.id)`.
- `roles`: the module that sets roles, as in `roles.set_roles(user, ["editor"])`, and lists them:
  `roles.known_roles()`.
- `PlainText`: the type of a member of a `Body`: one line, not blank, without control characters.
- `MultilineText`: the same for any number of lines, or none. `Annotated[MultilineText,
  Field(max_length=2000)]` limits the characters.
- `user_deleted`: a signal, sent with the user before the rows are deleted: `@user_deleted.connect`.
- `GUNICORN_LOGGING`: a dict for `logconfig_dict` of gunicorn.conf.py, for log lines in JSON.
- `THREADS`: the number of threads of a server process, and of its database connections.
"""

from collections.abc import Mapping
from typing import Any

import secure_flask.dependencies  # noqa: F401 - stops with the commands that help
from flask import Flask
from secure_flask.assets import asset, import_map
from secure_flask.auth import roles
from secure_flask.auth.access import (
    has_recent_login,
    login_required,
    public,
    recent_login,
    roles_required,
    takes_credentials,
)
from secure_flask.auth.authentication import (
    change_password,
    end_login,
    end_other_logins,
    list_logins,
    log_in,
    log_in_user,
    log_out,
    reauthenticate,
    set_password,
)
from secure_flask.auth.next_pages import checked_next
from secure_flask.auth.passwords import checked_new_password
from secure_flask.auth.principal import logged_in_user
from secure_flask.auth.throttle import attempts
from secure_flask.auth.user_changes import create_user, delete_user, user_deleted
from secure_flask.auth.users import Role, UserMixin
from secure_flask.checks import Finding, register_check
from secure_flask.checks.settings import on_starting
from secure_flask.crypto.blind_indexes import blind_index
from secure_flask.crypto.encrypted_columns import (
    EncryptedBytes,
    EncryptedJSON,
    EncryptedString,
    encrypted_column,
)
from secure_flask.crypto.encryption import DecryptionError, decrypt, encrypt
from secure_flask.crypto.rotation import change_context, encrypt_plain
from secure_flask.crypto.streams import decrypt_stream, encrypt_stream
from secure_flask.csp_reports.violations import latest_csp_violations
from secure_flask.database import THREADS, Model, db
from secure_flask.database.command_group import Command
from secure_flask.database.migrations import run_migrations
from secure_flask.health import live_figures
from secure_flask.keys.api_keys import create_api_key, end_api_key, list_api_keys
from secure_flask.keys.requests import keys_allowed
from secure_flask.settings import Settings, SettingsError
from secure_flask.settings.frozen_config import override_policy
from secure_flask.web import audit
from secure_flask.web.bodies import body_stream
from secure_flask.web.csp import csp, csp_nonce
from secure_flask.web.csrf import csrf_exempt
from secure_flask.web.error_bodies import ErrorBody, problem_details
from secure_flask.web.errors import error_response
from secure_flask.web.forms import consumes_form, one_line, or_form
from secure_flask.web.logs import GUNICORN_LOGGING
from secure_flask.web.origins import PolicyError
from secure_flask.web.queries import Query, validated_query
from secure_flask.web.rate_limits import limited
from secure_flask.web.responses import LoginResponse, ResponseBody, consumes, responds
from secure_flask.web.validation import Body, MultilineText, PlainText, validated
from werkzeug.local import LocalProxy

__all__ = [
    "GUNICORN_LOGGING",
    "THREADS",
    "Body",
    "Command",
    "DecryptionError",
    "EncryptedBytes",
    "EncryptedJSON",
    "EncryptedString",
    "Finding",
    "LoginResponse",
    "Model",
    "MultilineText",
    "PlainText",
    "PolicyError",
    "Query",
    "ResponseBody",
    "Role",
    "Settings",
    "SettingsError",
    "UserMixin",
    "asset",
    "attempts",
    "audit",
    "blind_index",
    "body_stream",
    "change_context",
    "change_password",
    "checked_new_password",
    "checked_next",
    "consumes",
    "consumes_form",
    "create_api_key",
    "create_user",
    "csp",
    "csp_nonce",
    "csrf_exempt",
    "current_user",
    "db",
    "decrypt",
    "decrypt_stream",
    "delete_user",
    "encrypt",
    "encrypt_plain",
    "encrypt_stream",
    "encrypted_column",
    "end_api_key",
    "end_login",
    "end_other_logins",
    "error_response",
    "has_recent_login",
    "import_map",
    "init_app",
    "keys_allowed",
    "latest_csp_violations",
    "limited",
    "list_api_keys",
    "list_logins",
    "live_figures",
    "log_in",
    "log_in_user",
    "log_out",
    "login_required",
    "on_starting",
    "one_line",
    "or_form",
    "override_policy",
    "problem_details",
    "public",
    "reauthenticate",
    "recent_login",
    "register_check",
    "responds",
    "roles",
    "roles_required",
    "run_migrations",
    "set_password",
    "takes_credentials",
    "user_deleted",
    "validated",
    "validated_query",
]


# The logged-in user; on a `@public` view it is falsy where nobody is logged in.
current_user: Any = LocalProxy(logged_in_user)


def init_app(
    app: Flask,
    settings: Settings,
    *,
    error_bodies: Mapping[str, ErrorBody] | None = None,
) -> None:
    """Protect the app. Call this before you register your own blueprints.

    `secure_flask.init_app(app, Settings.load())`. `app.config` holds the policy; a name that it
    lacks gets the default of policy.py.

    `error_bodies={"/api": in_our_shape}` gives the errors below a path another body. The function
    takes the status (int), the message (str) and the reasons by member (dict), and returns a
    `ResponseBody`. `problem_details` is one.

    :raises PolicyError: the policy has a value that a browser would misread, `app.config` has one
        that weakens a protection, or an entry of `error_bodies` cannot work.
    :raises SettingsError: a setting that the policy needs is missing.
    :raises TypeError: `settings` is another object, such as a dict.
    """
    from secure_flask.wiring import wire_app

    wire_app(app, settings, error_bodies)
