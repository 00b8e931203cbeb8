"""`GET /sessions`, `DELETE /sessions/<id>`, `DELETE /sessions`: the user's own logins.

A user who lost a device, or sees an unknown login, ends it here.
Source: OWASP ASVS 7.4.3, 7.5.2.
"""

from typing import Any

from flask import Blueprint, Flask, Response, g
from flask.typing import ResponseReturnValue

from app.auth import logins, tokens
from app.auth.access import login_required, recent_login
from app.auth.grants import Grant
from app.security import audit
from app.security.errors import error_response
from app.security.responses import ResponseBody, responds

blueprint = Blueprint("sessions", __name__, url_prefix="/sessions")


class Session(ResponseBody):
    id: str
    issued: int  # times in seconds since 1970
    last_used: int
    expires: int
    current: bool
    client: str | None  # browser, system and shortened address, as the client claimed


class Sessions(ResponseBody):
    sessions: list[Session]


@blueprint.get("")
@responds(Sessions)
@login_required
def show() -> ResponseReturnValue:
    return {"sessions": list_own()}


@blueprint.delete("/<string:session_id>")
@responds(None)
@recent_login
def end(session_id: str) -> ResponseReturnValue:
    end_own(session_id)
    return Response(status=204)


@blueprint.delete("")
@responds(None)
@recent_login
def end_others() -> ResponseReturnValue:
    end_all_others()
    return Response(status=204)


def list_own() -> list[dict[str, Any]]:
    """The logins of the user, newest first, each as a `Session`."""
    return [_describe(grant) for grant in _own()]


def end_own(session_id: str) -> None:
    """End one of the user's logins.

    :raises ErrorResponse: 404, it is no login of this user.
    """
    if session_id not in [grant.family for grant in _own()]:
        raise error_response(404, "Not Found")
    logins.end(session_id)
    audit.record(audit.SESSION_EXPIRED, reason="revoked", session=session_id)


def end_all_others() -> None:
    """End all logins of the user but the present one."""
    logins.end_all(g.user, keep=g.grant.family)
    audit.record(audit.SESSION_EXPIRED, reason="revoked", session="all others")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _own() -> list[Grant]:
    return logins.all_of(g.user, idle=tokens.IDLE)


def _describe(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.family,
        "issued": grant.issued,
        "last_used": grant.last_used,
        "expires": grant.expires,
        "current": grant.family == g.grant.family,
        "client": grant.client,
    }
