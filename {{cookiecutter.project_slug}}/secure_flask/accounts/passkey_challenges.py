"""Challenges to passkeys, each of which is answered once.

So an answer that was overheard opens nothing. Source: Web Authentication Level 3, sections 7,
13.4.3 and 13.4.9; OWASP ASVS 6.7.2.
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
    """Store the challenge of `options`; the `state` that the answer comes with, and the options."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    step = steps.add_step(
        purpose, LIFETIME, user=user, challenge=bytes_to_base64url(options.challenge)
    )
    state = steps.give_step_secret(step)
    db.session.commit()
    return {"state": state, "options": json.loads(webauthn.options_to_json(options))}


def use_challenge(purpose: str, state: str, user: AccountMixin | None, *, status: int) -> bytes:
    """The challenge of a step, which counts once, whatever the answer is.

    :raises ErrorResponse: `status`, there is none for this purpose and user: it has expired, or was
        answered. Nothing was tried then, so nothing is counted as a failed login.
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
    """The JSON that a browser made; nothing where it is none, or was made in a foreign frame."""
    from webauthn.helpers import base64url_to_bytes

    try:
        answer = dict(strict_json.loads(credential))
        client_data = strict_json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"]))
        return answer if _comes_from_allowed_page(client_data) else {}
    except Exception:
        # A forged structure raises nearly anything.
        return {}


def _comes_from_allowed_page(client_data: dict[str, Any]) -> bool:
    """Whether no page of another site was around the one that asked, but one of FRAME_ANCESTORS.

    A browser that does not say which one is refused, and so is one that contradicts itself.
    """
    is_framed = client_data.get("crossOrigin", False)
    if is_framed is False:
        return "topOrigin" not in client_data
    listed = {*current_app.config["FRAME_ANCESTORS"]} - {NONE, SELF}
    return is_framed is True and client_data.get("topOrigin") in listed
