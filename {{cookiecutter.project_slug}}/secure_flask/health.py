"""`/healthz` and `/readyz`: health checks for load balancers, with any Host and over http."""

from typing import Literal

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from secure_flask.auth.access import public
from secure_flask.database import db
from secure_flask.web.counters import counters
from secure_flask.web.hosts import probe
from secure_flask.web.responses import ResponseBody, responds
from sqlalchemy import text

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
    """Respond 200 when ready, `degraded` without Redis; 503 without the database."""
    db.session.execute(text("SELECT 1"))
    return {"status": "ok" if counters().is_shared() else "degraded"}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
