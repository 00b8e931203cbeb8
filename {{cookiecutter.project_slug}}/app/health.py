"""`/healthz` and `/readyz`: health checks for load balancers, with any Host and over http."""

from typing import Literal

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from app import shutdown
from app.auth.access import public
from app.db import db
from app.security import rate_limiter
from app.security.errors import error_response
from app.security.hosts import probe
from app.security.responses import ResponseBody, responds

blueprint = Blueprint("health", __name__)


class Health(ResponseBody):
    status: Literal["ok", "degraded"]


@blueprint.get("/healthz")
@responds(Health)
@public
@probe
def healthz() -> ResponseReturnValue:
    """Respond 200 while the process is alive."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@responds(Health, 503)
@public
@probe
def readyz() -> ResponseReturnValue:
    """Respond 200 when ready, `degraded` without Redis; 503 without the database or at shutdown."""
    if shutdown.has_begun():
        raise error_response(503, "Shutting down", Retry_After="5")
    db.session.execute(text("SELECT 1"))
    return {"status": "ok" if rate_limiter.shared_storage_is_available() else "degraded"}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
