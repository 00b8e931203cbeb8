"""Challenges to passkeys: each is answered once, in time, and at this site.

A passkey signs a new challenge each time, so an answer that was overheard opens nothing. Another
browser than the one that fetched a challenge may answer it. Another site cannot make a visitor's
browser do so: csrf.py refuses its answer, as it refuses a password from there.
Source: Web Authentication Level 3; OWASP ASVS 6.7.2.
"""

from typing import Annotated, Any
from urllib.parse import urlsplit

from flask import request
from pydantic import Field
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from webauthn.helpers import base64url_to_bytes, parse_client_data_json
from werkzeug.exceptions import HTTPException

from app.accounts import pending, public_urls
from app.accounts.factors import library_views
from app.db.conflicts import is_foreign_key
from app.security import audit, strict_json
from app.security.errors import error_response
from app.security.validation import Body, PlainText

LIFETIME = 5 * 60  # seconds, the longest that a challenge may be answered
WRONG = "Unknown or invalid passkey"
MAX_CREDENTIAL = 16 * 1024  # characters

Credential = Annotated[PlainText, Field(max_length=MAX_CREDENTIAL)]


class Answer(Body):
    credential: Credential


def answer(
    view: Any, state: str, body: Body, refused: tuple[int, str], **options: Any
) -> dict[str, Any]:
    """Let the library check the answer to a challenge, which may be answered once.

    :raises ErrorResponse: `refused`, for an answer that is wrong, late or given before; 409, a
        passkey of this name was added at the same moment.
    """
    require_own_host()
    # Without the signature, which has several spellings that the library accepts.
    if not pending.use_once(state.rpartition(".")[0], LIFETIME):
        raise error_response(*refused)
    try:
        _refuse_frames(body)
        return library_views.call(view, state, body=body, refused=refused, **options)
    except IntegrityError as error:
        if is_foreign_key(error):
            raise
        raise error_response(409, "There is a passkey of this name already") from None
    except (HTTPException, SQLAlchemyError):
        raise
    except Exception as error:
        # A forged structure raises nearly anything inside the parsers of the library.
        audit.record(audit.LOGIN_FAIL, reason=type(error).__name__)
        raise error_response(*refused) from None


def _refuse_frames(body: Any) -> None:
    """Refuse an answer from a frame in a page of another site. Source: section 13.4.9."""
    response = strict_json.loads(body.credential)["response"]
    if parse_client_data_json(base64url_to_bytes(response["clientDataJSON"])).cross_origin:
        raise ValueError("cross-origin frame")


def require_own_host() -> None:
    """Refuse another name of this site: the library takes the id of passkeys from the Host."""
    own = public_urls.origin()
    if request.host.partition(":")[0] != urlsplit(own).hostname:
        raise error_response(400, f"Passkeys work at {own} alone")
