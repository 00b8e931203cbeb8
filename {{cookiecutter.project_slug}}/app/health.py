"""`/healthz` and `/readyz`: what a load balancer asks, by any name and over plain http."""

from typing import Literal

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from app.db import db
from app.security import rate_limiter
from app.security.hosts import probe
from app.security.responses import ResponseBody, responds

blueprint = Blueprint("health", __name__)


class Health(ResponseBody):
    status: Literal["ok", "degraded"]


@blueprint.get("/healthz")
@responds(Health)
@probe
def healthz() -> ResponseReturnValue:
    """200 while the process lives."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@responds(Health, 503)
@probe
def readyz() -> ResponseReturnValue:
    """200 when it can serve, `degraded` without Redis; 503 without the database."""
    db.session.execute(text("SELECT 1"))
    return {"status": "ok" if rate_limiter.shared_storage_answers() else "degraded"}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
