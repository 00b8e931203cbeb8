"""What the project costs a request beside a bare Flask app that does the same work.

`GET /healthz` stands beside a view that returns the same JSON. `GET /me` stands beside a view
that builds and runs the same select by Flask-SQLAlchemy as it is set up by default, and beside
one that runs the project's own statement, which was built before. Each is a plain WSGI call,
without a server.
"""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import EnvironBuilder

from benchmarks import rendered
from benchmarks.measure import Claim, Report, Timing, Workload, interleaved

sys.path.append(str(rendered.TEMPLATE / "tests"))

import services

HOST = "www.example.org"
NAME, PASSWORD = "ada", "a good long password"
IDLE = 60 * 60  # seconds, as in the project
ROUNDS, CALLS = 1000, 10

OURS, BARE, PREPARED = "the project", "bare Flask", "bare Flask, our statement"


def measure() -> Report:
    with rendered.temporary_folder() as folder, ExitStack() as stack:
        urls = {"SQLite": f"sqlite:///{Path(folder, 'measured.db')}"}
        if services.find_postgresql():
            urls["PostgreSQL"] = stack.enter_context(services.postgresql())
        workloads = {f"/healthz, {BARE}": _call(_bare(), "/healthz")}
        for name, url in urls.items():
            app, cookie = _project(url)
            workloads[f"/healthz, {OURS}"] = _call(app, "/healthz")
            workloads[f"/me, {name}, {OURS}"] = _call(app, "/me", cookie)
            for kind in (BARE, PREPARED):
                bare = _bare_select(url, prepared=kind == PREPARED)
                workloads[f"/me, {name}, {kind}"] = _call(bare, "/me", cookie)
        timings = interleaved(workloads, rounds=ROUNDS, calls=CALLS)
    claims = [_claim(timings, "/healthz", BARE, 1.5)]
    for name in urls:
        claims.append(_claim(timings, f"/me, {name}", BARE, 1.15))
        claims.append(_claim(timings, f"/me, {name}", PREPARED, 1.25))
    return Report("Each request", timings, claims, baseline=f"/healthz, {BARE}")


def _claim(timings: dict[str, Timing], path: str, other: str, at_most: float) -> Claim:
    ratio = timings[f"{path}, {OURS}"].median / timings[f"{path}, {other}"].median
    return Claim(f"{path}: {OURS} / {other}", ratio, at_most)


def _project(url: str) -> tuple[Flask, str]:
    """Return the project with a user, and the cookie of this user's login."""
    app: Flask = rendered.module("app").create_app(rendered.settings(HOST, database_url=url))
    with app.app_context():
        rendered.module("secure_flask.database").db.create_all()
        rendered.module("secure_flask").create_user(NAME, PASSWORD)
    answer = app.test_client().post(
        "/login", json={"username": NAME, "password": PASSWORD}, base_url=f"https://{HOST}"
    )
    return app, answer.headers["Set-Cookie"].partition(";")[0]


def _bare() -> Flask:
    app = Flask("bare", static_folder=None)
    app.add_url_rule("/healthz", view_func=lambda: {"status": "ok"})
    return app


def _bare_select(url: str, *, prepared: bool) -> Flask:
    """Answer `/me` as the project does, without any of its checks."""
    grants = rendered.module("secure_flask.auth.grants")
    app = Flask("bare", static_folder=None)
    app.config.update(SQLALCHEMY_DATABASE_URI=url, LOGIN_IDLE=IDLE)
    db = SQLAlchemy(app)

    def find_built(secret: bytes) -> Any:
        found = (grants.Grant.secret_hash == secret, grants.Grant.kind == "session")
        return db.session.scalar(grants.select(grants.Grant).where(*found, *grants.alive()))

    def find_prepared(secret: bytes) -> Any:
        now = int(time.time())
        values = {"secret_hash": secret, "kind": "session", "now": now, "since": now - IDLE}
        return db.session.scalar(grants.BY_SECRET, values)

    def me() -> ResponseReturnValue:
        secret = grants.hash_secret(request.cookies["__Host-session"])
        user = (find_prepared if prepared else find_built)(secret).user
        shown = {"id": user.id, "username": user.name, "email": user.email}
        return {**shown, "roles": user.role_names, "csrf_token": secret.hex()}

    app.add_url_rule("/me", view_func=me)
    return app


def _call(app: Flask, path: str, cookie: str = "") -> Workload:
    headers = [("Cookie", cookie)] if cookie else []
    environ = EnvironBuilder(path, base_url=f"https://{HOST}/", headers=headers).get_environ()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if not status.startswith("200"):
            raise RuntimeError(f"not {path} but {status}")

    def call() -> None:
        answer = app(environ.copy(), start_response)
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]

    return call
