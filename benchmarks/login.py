"""What `POST /login` costs beside the one thing that it cannot do without: argon2.

The rendered project runs with production's hash parameters and SQLite in a file, as
by default. Each attempt has an address of its own, so that no limit is reached.
"""

import io
import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from itertools import count
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

from benchmarks import rendered
from benchmarks.measure import Claim, Report, Workload, interleaved

HOST = "www.example.org"
NAME, PASSWORD, WRONG = "known", "a right password", "a wrong password"

VERIFY = "argon2 verify alone, right password"
GOOD = "POST /login, right password"
KNOWN = "POST /login, wrong password"
UNKNOWN = "POST /login, unknown user"

ROUNDS = 200


def measure() -> Report:
    app = _make_app()
    addresses = map(str, map(IPv4Address, count(int(IPv4Address("10.0.0.1")))))
    timings = interleaved(
        {
            VERIFY: _verify(PASSWORD),
            GOOD: _login(app, addresses, NAME, PASSWORD, "200"),
            KNOWN: _login(app, addresses, NAME, WRONG, "401"),
            UNKNOWN: _login(app, addresses, NAME[::-1], WRONG, "401"),
        },
        rounds=ROUNDS,
    )
    median = {name: timing.median for name, timing in timings.items()}
    claims = [
        Claim("right password / argon2 verify", median[GOOD], median[VERIFY], 1.15),
        Claim("unknown user / wrong password", median[UNKNOWN], median[KNOWN], 1.05, 0.95),
    ]
    return Report("Logging in", timings, claims, baseline=VERIFY)


def _make_app() -> Flask:
    app: Flask = rendered.module("app").create_app(
        # A fast machine makes more than the hundred right logins of an account in a minute.
        rendered.settings(HOST, login_rate_limit="100000 per minute")
    )
    with app.app_context():
        rendered.module("secure_flask.database").db.create_all()
        rendered.module("secure_flask").create_user(NAME, PASSWORD)
    return app


def _verify(password: str) -> Workload:
    hasher = rendered.module("secure_flask.auth.passwords").hasher
    password_hash = hasher.hash(PASSWORD)

    def verify() -> None:
        hasher.verify(password_hash, password)

    return verify


def _login(app: Flask, addresses: Iterator[str], name: str, password: str, status: str) -> Workload:
    """Prepare a login by a plain WSGI call that must be answered with `status`."""
    body = json.dumps({"username": name, "password": password}).encode()
    environ = _environ(body)

    def start_response(answered: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if not answered.startswith(status):
            raise RuntimeError(f"not {status} but {answered}")

    def login() -> None:
        own = {"wsgi.input": io.BytesIO(body), "REMOTE_ADDR": next(addresses)}
        answer = app(environ | own, start_response)
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]

    return login


def _environ(body: bytes) -> dict[str, Any]:
    return EnvironBuilder(
        *("/login", f"https://{HOST}/"),
        method="POST",
        content_type="application/json",
        data=body,
        # Log lines are part of the cost, but readers of the figures do not need them.
        errors_stream=io.StringIO(),
    ).get_environ()
