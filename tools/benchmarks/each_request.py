"""What the project costs a request beside a bare Flask app that does the same work.

`GET /healthz` stands beside a view that returns the same JSON. `GET /me` stands beside a view
that runs the same reads by Flask-SQLAlchemy as it is set up by default. Each is a plain WSGI call,
without a server.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select
from werkzeug.test import EnvironBuilder

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Timing, Workload, interleaved

sys.path.append(str(rendered.TEMPLATE / "tests"))

import services

HOST = "www.example.org"
NAME, PASSWORD = "ada", "a good long password"
ROUNDS, CALLS = 1000, 10

OURS, BARE = "the project", "bare Flask"
ME_AT_MOST = {"SQLite": 1.12, "PostgreSQL": 1.25}


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
            workloads[f"/me, {name}, {BARE}"] = _call(_bare_select(url), "/me", cookie)
        timings = interleaved(workloads, rounds=ROUNDS, calls=CALLS)
    claims = [_claim(timings, "/healthz", BARE, 1.8)]
    claims += [_claim(timings, f"/me, {name}", BARE, ME_AT_MOST[name]) for name in urls]
    return Report("Each request", timings, claims, baseline=f"/healthz, {BARE}")


def _claim(timings: dict[str, Timing], path: str, other: str, at_most: float) -> Claim:
    ours, others = timings[f"{path}, {OURS}"].median, timings[f"{path}, {other}"].median
    return Claim(f"{path}: {OURS} / {other}", ours, others, at_most)


def _project(url: str) -> tuple[Flask, str]:
    """Return the project with a user, and the cookie of this user's login."""
    app: Flask = rendered.module("app").create_app(
        rendered.settings(HOST, database_url=url),
        TOKEN_TYPE="session",  # noqa: S106
    )
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


def _bare_select(url: str) -> Flask:
    """Answer `/me` as the project does, without any of its checks."""
    logins = rendered.module("secure_flask.auth.logins")
    app = Flask("bare", static_folder=None)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db = SQLAlchemy(app)

    def me() -> ResponseReturnValue:
        secret = logins.hash_of_secret("session", request.cookies["__Host-Http-session"])
        login = db.session.scalars(
            select(logins.Login).where(logins.Login.secret_hash == secret)
        ).one()
        user = login.user
        shown = {"id": user.id, "username": user.name, "email": user.email}
        return {**shown, "roles": user.role_names}

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
