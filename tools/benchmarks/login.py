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
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.test import EnvironBuilder

from tools.benchmarks import rendered
from tools.benchmarks.measure import (
    Claim,
    Report,
    Workload,
    interleaved,
    interleaved_samples,
    permutation_p,
    timing_of,
)

HOST = "www.example.org"
NAME, PASSWORD, WRONG = "known", "a right password", "a wrong password"

VERIFY = "argon2 verify alone, right password"
GOOD = "POST /login, right password"
KNOWN = "POST /login, wrong password"
UNKNOWN = "POST /login, unknown user"

ROUNDS = 200

# Names while LEGACY_HASHES is set: one that nobody has, and users with and without an old hash.
NOBODY, OLD, NEW = "nil", "old", "new"
# Three comparisons of equal times show one below this by chance in about one of thirty runs.
LEAST_P = 0.01


def measure() -> Report:
    app = _make_app()
    addresses = _addresses()
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


def measure_old_hashes(rounds: int = ROUNDS) -> Report:
    """Whether time tells which names exist, and which of them have not logged in yet."""
    app = _make_app(LEGACY_HASHES={"scrypt:": (check_password_hash, generate_password_hash("?"))})
    _store_users(app)
    addresses = _addresses()
    samples = interleaved_samples(
        {_old(name): _login(app, addresses, name, WRONG, "401") for name in (NOBODY, OLD, NEW)},
        rounds=rounds,
    )
    pairs = [(NOBODY, OLD), (NOBODY, NEW), (OLD, NEW)]
    claims = [claim for pair in pairs for claim in _same_time(samples, *pair)]
    timings = {name: timing_of(values) for name, values in samples.items()}
    return Report("Logging in beside old hashes", timings, claims, baseline=_old(NOBODY))


def _same_time(samples: dict[str, list[float]], name: str, other: str) -> list[Claim]:
    first, second = samples[_old(name)], samples[_old(other)]
    medians = (timing_of(first).median, timing_of(second).median)
    return [
        Claim(f"beside old hashes: name {name} / {other}", *medians, 1.05, 0.95),
        # The p of a permutation test, which is no time.
        Claim(f"p of {name} and {other}", permutation_p(first, second), 1.0, 1.0, LEAST_P),
    ]


def _old(name: str) -> str:
    return f"POST /login, wrong password, name {name}"


def _store_users(app: Flask) -> None:
    with app.app_context():
        core = rendered.module("secure_flask")
        core.create_user(NEW, PASSWORD)
        core.create_user(OLD, PASSWORD).password_hash = generate_password_hash(PASSWORD)
        core.db.session.commit()


def _addresses() -> Iterator[str]:
    return map(str, map(IPv4Address, count(int(IPv4Address("10.0.0.1")))))


def _make_app(**policy: object) -> Flask:
    app: Flask = rendered.module("app").create_app(
        # A fast machine makes more than the hundred right logins of an account in a minute.
        rendered.settings(HOST, login_rate_limit="100000 per minute"),
        **policy,
    )
    with app.app_context():
        rendered.module("secure_flask.database").db.drop_all()
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
