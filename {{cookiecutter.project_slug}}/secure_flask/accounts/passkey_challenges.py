"""Challenges to passkeys, each of which is answered once.

So an answer that was overheard opens nothing. Source: Web Authentication Level 3, sections 7 and
13.4.3; OWASP ASVS 6.7.2.
"""

import json
from typing import TYPE_CHECKING, Any

from secure_flask.accounts import steps
from secure_flask.accounts.users import AccountMixin
from secure_flask.database import db
from secure_flask.web import strict_json

if TYPE_CHECKING:
    from webauthn.helpers.structs import (
        PublicKeyCredentialCreationOptions,
        PublicKeyCredentialRequestOptions,
    )

    PasskeyOptions = PublicKeyCredentialCreationOptions | PublicKeyCredentialRequestOptions

LIFETIME = 5 * 60  # seconds to answer


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


def use_challenge(purpose: str, state: str, user: AccountMixin | None) -> bytes | None:
    """The challenge of a step, which counts once, whatever the answer is."""
    from webauthn.helpers import base64url_to_bytes

    step = steps.find_step(purpose, state)
    if step is None or step.user_id != (user.id if user else None):
        return None
    challenge = base64url_to_bytes(step.data["challenge"])
    used = steps.use_step(step)
    db.session.commit()
    return challenge if used else None


def parsed_credential(credential: str) -> dict[str, Any]:
    """The JSON that a browser made; nothing where it is none, or was made in a foreign frame."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    try:
        answer = dict(strict_json.loads(credential))
        data = parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"]))
    except Exception:
        # A forged structure raises nearly anything inside the parser of the library.
        return {}
    # Source: section 13.4.9.
    return {} if data.cross_origin else answer
