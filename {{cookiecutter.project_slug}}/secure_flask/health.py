"""`/healthz` and `/readyz`: health checks for load balancers, with any Host and over http.

`live_figures` says what is short in a process, for a metrics system.
"""

import time
from typing import Literal

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from secure_flask.auth.access import public
from secure_flask.auth.places import free_places
from secure_flask.database import db
from secure_flask.database.database import missing_tables
from secure_flask.database.failures import MIGRATION_COMMANDS
from secure_flask.state import StateKey, app_state
from secure_flask.web.counters import counters
from secure_flask.web.errors import plain_error
from secure_flask.web.hosts import probe
from secure_flask.web.responses import ResponseBody, responds
from sqlalchemy import QueuePool, text

blueprint = Blueprint("secure_flask_health", __name__)
# This is set once the database has a table for each model, so that later probes cost one query.
_HAS_TABLES = StateKey[bool]("has tables")


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
    """Respond 200 when ready, `degraded` without Redis; 503 without the database or its tables."""
    db.session.execute(text("SELECT 1"))
    _require_tables()
    return {"status": "degraded" if counters().redis_error() else "ok"}


def live_figures() -> dict[str, int]:
    """What is short in this process now: `live_figures()["free_connections"]`.

    `redis_away` is 1 while limits are counted without Redis. `free_hash_places` says how many more
    passwords may be hashed or wait for it. `free_connections` says how many more connections to the
    database may be used; a pool of another kind than `QueuePool` has no such figure.
    """
    figures = {
        "redis_away": int(time.monotonic() < counters().retry_at),
        "free_hash_places": free_places(),
    }
    if isinstance(pool := db.engine.pool, QueuePool):
        figures["free_connections"] = pool.size() - pool.checkedout()
    return figures


def _require_tables() -> None:
    """Respond 503 while tables are missing, so that a load balancer sends no requests here yet."""
    if _HAS_TABLES in app_state(current_app):
        return
    if missing := missing_tables():
        hint = f"The database lacks tables: {', '.join(missing)}. Run {' and '.join(MIGRATION_COMMANDS)}"
        current_app.logger.error(hint)
        error = plain_error(503, Retry_After="5")
        error.hint = hint
        raise error
    app_state(current_app)[_HAS_TABLES] = True


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
