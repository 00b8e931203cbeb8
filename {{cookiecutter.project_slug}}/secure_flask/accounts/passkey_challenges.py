"""Challenges for passkeys. Each is answered once, so an overheard answer cannot be replayed.

Source: Web Authentication Level 3, sections 7, 13.4.3 and 13.4.9; OWASP ASVS 6.7.2.
"""

import json
from typing import TYPE_CHECKING, Any

from flask import current_app
from secure_flask.accounts import steps
from secure_flask.accounts.users import AccountMixin
from secure_flask.csp_levels import NONE, SELF
from secure_flask.database import db
from secure_flask.web import strict_json
from secure_flask.web.errors import error_response

if TYPE_CHECKING:
    from webauthn.helpers.structs import (
        PublicKeyCredentialCreationOptions,
        PublicKeyCredentialRequestOptions,
    )

    PasskeyOptions = PublicKeyCredentialCreationOptions | PublicKeyCredentialRequestOptions

LIFETIME = 5 * 60  # seconds to answer
TOO_LATE = "That took too long: try again"


def begin_challenge(
    purpose: str, options: "PasskeyOptions", user: AccountMixin | None
) -> dict[str, object]:
    """Store the challenge of `options`; return them with the `state` that the answer must carry."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    step = steps.add_step(
        purpose, LIFETIME, user=user, challenge=bytes_to_base64url(options.challenge)
    )
    state = steps.give_step_secret(step)
    db.session.commit()
    return {"state": state, "options": json.loads(webauthn.options_to_json(options))}


def use_challenge(purpose: str, state: str, user: AccountMixin | None, *, status: int) -> bytes:
    """Use a challenge up, whether or not its answer is right, and return it.

    :raises ErrorResponse: `status`, there is none for this purpose and user: it has expired, or was
        answered. No passkey was checked, so this is no failed login.
    """
    from webauthn.helpers import base64url_to_bytes

    step = steps.find_step(purpose, state)
    if step is None or step.user_id != (user.id if user else None):
        raise error_response(status, TOO_LATE)
    challenge = base64url_to_bytes(step.data["challenge"])
    used = steps.use_step(step)
    db.session.commit()
    if not used:
        raise error_response(status, TOO_LATE)
    return challenge


def parsed_credential(credential: str) -> dict[str, Any]:
    """The JSON of a browser; empty if it is malformed, or comes from a frame of another site."""
    from webauthn.helpers import base64url_to_bytes

    try:
        answer = dict(strict_json.loads(credential))
        client_data = strict_json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"]))
        return answer if _comes_from_allowed_page(client_data) else {}
    except Exception:
        # A forged structure can raise nearly any exception.
        return {}


def _comes_from_allowed_page(client_data: dict[str, Any]) -> bool:
    """Whether the page was in no frame of another site, except of one of FRAME_ANCESTORS.

    An answer that does not name the outer page, or contradicts itself, is refused.
    """
    is_framed = client_data.get("crossOrigin", False)
    if is_framed is False:
        return "topOrigin" not in client_data
    listed = {*current_app.config["FRAME_ANCESTORS"]} - {NONE, SELF}
    return is_framed is True and client_data.get("topOrigin") in listed
