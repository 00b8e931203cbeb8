"""What a whole request costs, beside a Flask app assembled of what people pick instead.

That app has Flask-Talisman, Flask-CORS, Flask-Limiter, CSRFProtect, Flask-Login, ProxyFix, and
structlog with a request id. Both apps stand behind one proxy, read one SQLite file each, check
passwords by the same argon2 parameters, and answer the same five requests, each once with an
access line and once without. Each is a plain WSGI call, without a server.
"""

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any, TextIO, cast
from unittest.mock import patch
from urllib.parse import urlencode
from uuid import uuid4

import structlog
from flask import Flask, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_cors import CORS
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import (  # type: ignore[import-untyped]
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
)
from flask_sqlalchemy import SQLAlchemy
from flask_talisman import Talisman
from flask_wtf import CSRFProtect, FlaskForm
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.datastructures import Headers
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client, EnvironBuilder
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Workload, interleaved

HOST = "www.example.org"
ORIGIN = f"https://{HOST}"
NAME, OTHER, PASSWORD = "ada", "grace", "a good long password"
PAGE = """<!doctype html><title>Measured</title><script nonce="{{ csp_nonce() }}">1</script>
{% for each in range(20) %}<p>{{ each }}: {{ name }}</p>{% endfor %}"""
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
TOKEN = re.compile('value="([^"]+)"')

OURS, OTHERS = "the project", "assembled"
# The most that the project may take of the other app's time.
AT_MOST = {"JSON": 0.6, "page": 0.72, "form": 0.85, "logged in": 0.94, "login": 1.04}
LINES = {True: "with an access line", False: "without one"}

# Nobody reaches it here, and both apps count towards it.
LIMIT = "1000000 per minute"

ROUNDS, CALLS = 300, 5


class TitleForm(FlaskForm):  # type: ignore[misc]
    title = StringField("Title", [DataRequired(), Length(max=80)])


def measure() -> Report:
    with rendered.temporary_folder() as folder, open(os.devnull, "w", 1, "utf-8") as log:
        workloads: dict[str, Workload] = {}
        for has_line, name in LINES.items():
            for who, make in ((OURS, _project), (OTHERS, _assembled)):
                app = make(f"sqlite:///{Path(folder, f'{who} {has_line}.db')}", has_line)
                for sent in requests_to(app, who):
                    workloads[f"{sent.kind}, {name}, {who}"] = _call(app, log, sent)
        timings = interleaved(workloads, rounds=ROUNDS, calls=CALLS)
    pairs = [(kind, f"{kind}, {name}") for name in LINES.values() for kind in AT_MOST]
    claims = [
        Claim(
            f"{name}: {OURS} / {OTHERS}",
            timings[f"{name}, {OURS}"].median,
            timings[f"{name}, {OTHERS}"].median,
            AT_MOST[kind],
        )
        for kind, name in pairs
    ]
    baseline = f"JSON, {LINES[True]}, {OTHERS}"
    return Report("Whole requests, beside what people assemble", timings, claims, baseline=baseline)


def _project(url: str, has_line: bool) -> Flask:
    settings = rendered.settings(
        HOST, database_url=url, proxy_hops="1", access_log=str(has_line), login_rate_limit=LIMIT
    )
    # Only a server writes access lines.
    with patch.object(sys, "argv", ["gunicorn"]):
        app = create_project(settings)
    add_project_users(app)
    return app


def create_project(settings: Any = None) -> Flask:
    """The rendered project with the measured views; the environment has its settings if not given.

    It is the project that can be imported, as in `rendered.project` or in the present folder.
    """
    app: Flask = rendered.module("app").create_app(settings, TOKEN_TYPE="session")  # noqa: S106
    core = rendered.module("secure_flask")
    for path, view in _views(app, lambda: core.current_user.name).items():
        mark = core.login_required if path == "/measured/me" else core.public
        view = core.consumes_form(view) if path == "/measured/form" else view
        app.add_url_rule(path, path[10:], mark(view), methods=["GET", "POST"])
    return app


def add_project_users(app: Flask) -> None:
    core = rendered.module("secure_flask")
    with app.app_context():
        core.db.create_all()
        core.create_user(NAME, PASSWORD)
        core.create_user(OTHER, PASSWORD)


def _assembled(url: str, has_line: bool) -> Flask:
    app = create_assembled(url, has_line)
    add_assembled_users(app)
    return app


def create_assembled(url: str, has_line: bool) -> Flask:
    app = Flask("assembled", static_folder=None)
    app.config.update(
        SECRET_KEY="x" * 43,
        SESSION_COOKIE_SECURE=True,
        SQLALCHEMY_DATABASE_URI=url,
        WTF_CSRF_SSL_STRICT=False,
    )
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    policy = {"default-src": "'self'", "script-src": "'self'"}
    Talisman(app, content_security_policy=policy, content_security_policy_nonce_in=["script-src"])
    CORS(app, origins=rendered.CORS_ORIGINS, supports_credentials=True)
    CSRFProtect(app)
    limiter = Limiter(get_remote_address, app=app, default_limits=[LIMIT], storage_uri="memory://")
    log = _add_log(app, has_line)
    _add_login(app, limiter, log)
    for path, view in _views(app, lambda: current_user.name).items():
        view = login_required(view) if path == "/measured/me" else view
        app.add_url_rule(path, path[10:], view, methods=["GET", "POST"])
    return app


def _views(app: Flask, name: Callable[[], str]) -> dict[str, Callable[[], ResponseReturnValue]]:
    """The views that both apps have. `name` returns the name of the logged-in user."""
    page = app.jinja_env.from_string(PAGE)

    def form() -> ResponseReturnValue:
        posted = TitleForm()
        return (
            redirect("/", 303)
            if posted.validate_on_submit()
            else str(getattr(posted, "csrf_token", ""))
        )

    return {
        "/measured/json": lambda: {"status": "ok"},
        "/measured/page": lambda: render_template(page, name="Ada"),
        "/measured/form": form,
        "/measured/me": lambda: {"username": name()},
    }


def _add_log(app: Flask, has_line: bool) -> Any:
    log = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, _ErrorsOfRequest())),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
    )

    @app.before_request
    def bind() -> None:
        structlog.contextvars.clear_contextvars()
        g.request_id = uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=g.request_id, path=request.path)

    @app.after_request
    def write(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        if has_line:
            log.info("request", method=request.method, status=response.status_code)
        return response

    return log


class _ErrorsOfRequest:
    """The stream on which a server expects lines of the request that it serves."""

    def write(self, text: str) -> None:
        request.environ["wsgi.errors"].write(text)

    def flush(self) -> None:
        request.environ["wsgi.errors"].flush()


def _add_login(app: Flask, limiter: Limiter, log: Any) -> None:
    db, manager = SQLAlchemy(app), LoginManager(app)
    hasher = rendered.module("secure_flask.auth.passwords").hasher

    class User(UserMixin, db.Model):  # type: ignore[misc, name-defined]
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(80), unique=True)
        password_hash: Mapped[str]

    manager.user_loader(lambda user_id: db.session.get(User, int(user_id)))

    @app.post("/login")
    @limiter.limit(LIMIT)
    def login() -> ResponseReturnValue:
        sent = request.get_json()
        user = db.session.scalar(select(User).where(User.name == sent["username"]))
        hasher.verify(user.password_hash if user else "", sent["password"])
        login_user(user)
        log.info("login", user=user and user.id)
        return {"token_type": "session"}


def add_assembled_users(app: Flask) -> None:
    db = app.extensions["sqlalchemy"]
    [user] = [mapper.class_ for mapper in db.Model.registry.mappers]
    hashed = rendered.module("secure_flask.auth.passwords").hasher.hash(PASSWORD)
    with app.app_context():
        db.create_all()
        db.session.add_all([user(name=each, password_hash=hashed) for each in (NAME, OTHER)])
        db.session.commit()


@dataclass(frozen=True)
class Request:
    """A kind of request, as a browser sends it; with a body it is a POST."""

    kind: str
    path: str
    headers: dict[str, str]
    body: str = ""
    content_type: str = ""
    status: str = "200"


def requests_to(app: Flask, who: str) -> Iterator[Request]:
    """Each kind of request, for an app that has these views and users."""
    sent = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "X-Forwarded-Proto": "https"}
    sent["X-Forwarded-For"] = "203.0.113.7"
    client = Client(app)
    page = client.get("/measured/form", base_url=ORIGIN, headers=sent)
    fields = {"title": "Two loaves of rye"}
    if who == OTHERS:
        [fields["csrf_token"]] = TOKEN.findall(page.text)
        sent["X-CSRFToken"] = fields["csrf_token"]
        sent["Cookie"] = page.headers["Set-Cookie"].partition(";")[0]
    body = json.dumps({"username": NAME, "password": PASSWORD})
    done = client.post("/login", base_url=ORIGIN, headers=sent, data=body, content_type=JSON)
    known = {**sent, "Cookie": done.headers["Set-Cookie"].partition(";")[0]}
    yield Request("JSON", "/measured/json", sent)
    yield Request("page", "/measured/page", sent)
    yield Request("form", "/measured/form", sent, urlencode(fields), FORM, "303")
    yield Request("logged in", "/measured/me", known)
    # Another user logs in again and again, since a user has a limited number of logins.
    yield Request("login", "/login", sent, body.replace(NAME, OTHER), JSON)


def _call(app: Flask, log: io.TextIOBase, sent: Request) -> Workload:
    builder = EnvironBuilder(
        sent.path,
        ORIGIN,
        method="POST" if sent.body else "GET",
        data=sent.body or None,
        content_type=sent.content_type or None,
        headers=Headers(sent.headers),
    )
    environ = {**builder.get_environ(), "wsgi.errors": log}
    stream = environ["wsgi.input"]
    # A login has an address of its own, so that no limit is reached.
    addresses = map(str, map(IPv4Address, count(int(IPv4Address("10.0.0.1")))))

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        if not status.startswith(sent.status):
            raise RuntimeError(f"{sent.path} is not {sent.status} but {status}")

    def call() -> None:
        stream.seek(0)
        answer = app({**environ, "HTTP_X_FORWARDED_FOR": next(addresses)}, start_response)
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]

    return call
