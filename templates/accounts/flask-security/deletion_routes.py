"""`DELETE /me`: users delete their account. It needs a recent login.

Source: GDPR, article 17; OWASP ASVS 7.5.1.
"""

from flask import Blueprint, Flask, Response, g
from flask.typing import ResponseReturnValue

from app.accounts.leaving import deletion
from app.auth.access import recent_login
from app.security.responses import responds

blueprint = Blueprint("deletion", __name__)


@blueprint.delete("/me")
@responds(None)
@recent_login(minutes=deletion.RECENT)
def delete_own() -> ResponseReturnValue:
    deletion.delete_account(g.user)
    return deletion.forget_login(Response(status=204))


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
