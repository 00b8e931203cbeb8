"""`GET /sessions`, `DELETE /sessions/<id>`, `DELETE /sessions`: the user's own logins.

A user who lost a device, or sees an unknown login, ends it here.
Source: OWASP ASVS 7.4.3, 7.5.2.
"""

from flask import Blueprint, Flask, Response, g
from flask.typing import ResponseReturnValue

from app.auth import grants, tokens
from app.auth.access import login_required
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


class Sessions(ResponseBody):
    sessions: list[Session]


@blueprint.get("")
@responds(Sessions)
@login_required
def show() -> ResponseReturnValue:
    return {"sessions": [_describe(grant) for grant in _own()]}


@blueprint.delete("/<string:session_id>")
@responds(None)
@login_required
def end(session_id: str) -> ResponseReturnValue:
    if session_id not in [grant.family for grant in _own()]:
        raise error_response(404, "Not Found")
    grants.end(session_id)
    audit.record(audit.SESSION_EXPIRED, reason="revoked", session=session_id)
    return Response(status=204)


@blueprint.delete("")
@responds(None)
@login_required
def end_others() -> ResponseReturnValue:
    grants.end_all(g.user, keep=g.grant.family)
    audit.record(audit.SESSION_EXPIRED, reason="revoked", session="all others")
    return Response(status=204)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _own() -> list[Grant]:
    return grants.all_of(g.user, idle=tokens.IDLE)


def _describe(grant: Grant) -> dict[str, object]:
    return {
        "id": grant.family,
        "issued": grant.issued,
        "last_used": grant.last_used,
        "expires": grant.expires,
        "current": grant.family == g.grant.family,
    }
