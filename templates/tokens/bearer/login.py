"""`POST /login`, `POST /logout`, `POST /reauthenticate`: JSON, for programs and scripts.

Source: OWASP ASVS 7.4.1, 7.5.1.
"""

from flask import Blueprint, Flask, Response, g
from flask.typing import ResponseReturnValue

from app.accounts import credentials
from app.accounts.credentials import Credentials, Password
from app.auth import access, tokens
from app.auth.access import login_required, public
from app.security import audit
from app.security.responses import responds
from app.security.validation import validated

blueprint = Blueprint("login", __name__)


@blueprint.post("/login")
@responds(tokens.Issued, 401, 429, 503)
@public
@access.credentials
@validated(Credentials)
def login(body: Credentials) -> ResponseReturnValue:
    return credentials.log_in(body.username, body.password)


@blueprint.post("/reauthenticate")
@responds(tokens.Issued, 429, 503)
@login_required
@access.credentials
@validated(Password)
def reauthenticate(body: Password) -> ResponseReturnValue:
    """Enter the password again, for views that ask for a recent login."""
    return credentials.reauthenticate(body.password)


@blueprint.post("/logout")
@responds(None)
@login_required
def logout() -> ResponseReturnValue:
    tokens.revoke(g.grant)
    audit.record(audit.SESSION_EXPIRED, reason="logout")
    return Response(status=204, headers={"Clear-Site-Data": '"cache", "storage"'})


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
