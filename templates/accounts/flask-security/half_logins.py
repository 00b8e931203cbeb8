"""The time between two factors: the password was right, and the second factor is missing.

It opens only the second step, for five minutes and one success. Five wrong codes end it, and
so does any change of the password or the factors. Source: OWASP ASVS 6.5.1, 6.5.5, 7.2.4.
"""

from typing import Any
from uuid import UUID

from app.accounts import pending
from app.accounts.factors import half_login_secret
from app.accounts.pending import PendingStep
from app.auth.users import User
from app.db import db
from app.security.errors import ErrorResponse, error_response
from app.security.validation import Body

PURPOSE = "half login"
LIFETIME = 5 * 60  # seconds


def current(body: Body | None = None) -> PendingStep | None:
    """The half login of this request, whose JSON is `body`."""
    return pending.find(PURPOSE, half_login_secret.sent(body))


def required(body: Body | None = None) -> PendingStep:
    """The half login of this request, whose JSON is `body`.

    :raises ErrorResponse: 401, there is none: the login must begin again.
    """
    step = current(body)
    if step is None:
        raise ended()
    return step


def ended() -> ErrorResponse:
    return error_response(401, "The login has ended: log in again")


def keep(
    half: PendingStep | None, state: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    """Store what the library needs for the next step; return the members that carry it."""
    if half and half.data["tf_user_id"] == state["tf_user_id"]:
        half.data = {**half.data, **state}
        db.session.commit()
        return {}
    if "tf_select" in state:
        # Each factor and a recovery code complete it, also without a choice by tf-select.
        state = {**state, "tf_state": "ready"}
    user = db.session.get(User, UUID(state["tf_user_id"]))
    secret = pending.create(PURPOSE, LIFETIME, user=user, data={**state, "options": options})
    return half_login_secret.give(secret, LIFETIME)


def finish(half: PendingStep) -> dict[str, Any]:
    """Use the half login up, and return the options of the login that it becomes.

    :raises ErrorResponse: 401, it has ended in the meantime.
    """
    options: dict[str, Any] = half.data.get("options", {})
    if not pending.use(half):
        raise ended()
    return options
