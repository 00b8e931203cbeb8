"""`GET /me/data`: all that is stored about the user, to download.

It needs a recent login, since whoever took over an old one would get everything at once. It
holds no secret of the account: no hash of a password or code, and no key of an authenticator.
Source: GDPR, articles 15 and 20; OWASP ASVS 7.5.1, 14.2.2, 14.2.6.
"""

import time
from typing import Any

from flask import Blueprint, Flask, g, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from app.accounts.factors import passkeys
from app.accounts.factors.passkeys import PasskeyShown
from app.accounts.factors.second_factor_limits import TrustedNetwork
from app.accounts.leaving import owned_rows, row_values
from app.accounts.links import email_change
from app.accounts.pending import PendingStep
from app.auth import sessions
from app.auth.access import recent_login
from app.auth.sessions import Session
from app.db import db
from app.security.responses import ResponseBody, responds

blueprint = Blueprint("personal_data", __name__)

RECENT = 5  # minutes
# Whoever has these could log in as the user.
_SECRETS = frozenset({"password_hash", "tf_totp_secret", "tf_last_counter"})


class PersonalData(ResponseBody):
    account: dict[str, Any]
    roles: list[str]
    logins: list[Session]
    passkeys: list[PasskeyShown]
    authenticator_app: bool
    recovery_codes: int  # how many are left
    unconfirmed_emails: list[str]
    trusted_networks: int
    tables: dict[str, list[dict[str, Any]]]  # the rows that PERSONAL_DATA names


@blueprint.get("/me/data")
@responds(PersonalData)
@recent_login(minutes=RECENT)
def download() -> ResponseReturnValue:
    response = jsonify(collect())
    response.headers["Content-Disposition"] = 'attachment; filename="personal-data.json"'
    response.headers["Cache-Control"] = "no-store, max-age=0"
    return response


def collect() -> dict[str, Any]:
    """All that is stored about the user, as a `PersonalData`."""
    return {
        "account": row_values.of(g.user, without=_SECRETS),
        "roles": g.user.role_names,
        "logins": sessions.list_own(),
        "passkeys": passkeys.list_own(),
        "authenticator_app": bool(g.user.tf_totp_secret),
        "recovery_codes": len(g.user.recovery_codes),
        "unconfirmed_emails": _unconfirmed_emails(),
        "trusted_networks": _count_networks(),
        "tables": owned_rows.read(g.user),
    }


def init_app(app: Flask) -> None:
    owned_rows.init_app(app)
    app.register_blueprint(blueprint)


def _unconfirmed_emails() -> list[str]:
    """The addresses of changes that wait, alike for those that another account has."""
    steps = select(PendingStep).where(
        PendingStep.user_id == g.user.id,
        PendingStep.purpose == email_change.PURPOSE,
        PendingStep.expires > int(time.time()),
    )
    return [step.email for step in db.session.scalars(steps) if step.email]


def _count_networks() -> int:
    mine = select(func.count()).where(TrustedNetwork.user_id == g.user.id)
    return db.session.scalar(mine) or 0
