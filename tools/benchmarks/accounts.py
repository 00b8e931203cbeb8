"""Whether time tells which addresses have an account, at `accounts=self-service`.

Each route is asked about an address that is known and one that is not, in turn, and the next
request of the client counts too, which waits for what goes on after the answer. The project runs
in a process of its own, since the other benchmarks have the modules of another one.
"""

import io
import json
import os
import subprocess
import sys
from dataclasses import asdict
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

from werkzeug.test import EnvironBuilder

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Timing, Workload, interleaved

HOST = "www.example.org"
KNOWN = "known@example.org"
PASSWORD, WRONG = "seven owls in a well", "a wrong password"
ROUNDS = 200

BODIES = {
    "/login": lambda email: {"username": email, "password": WRONG},
    "/register": lambda email: {"username": "grace", "email": email, "password": PASSWORD},
    "/reset": lambda email: {"email": email},
    "/confirm": lambda email: {"email": email},
}
# At /confirm an address is known whose registration waits. Each route has an unknown address of
# its own, since a registration makes it known to /confirm.
REGISTERED = "begun@example.org"


def measure() -> Report:
    with rendered.temporary_folder() as folder:
        rendered.render(rendered.TEMPLATE, Path(folder), "registered", accounts="self-service")
        finished = subprocess.run(
            [sys.executable, "-m", "tools.benchmarks.accounts"],
            cwd=Path(folder, "registered"),
            env=os.environ | {"PYTHONPATH": f"{rendered.TEMPLATE}{os.pathsep}."},
            check=True,
            stdout=subprocess.PIPE,
            # It logs each mail that no server takes.
            stderr=subprocess.DEVNULL,
        )
    timings = {name: Timing(**timing) for name, timing in json.loads(finished.stdout).items()}
    claims = [
        Claim(
            f"POST {path}, known / unknown address",
            timings[_name(path, "known")].median,
            timings[_name(path, "unknown")].median,
            1.1,
            0.9,
        )
        for path in BODIES
    ]
    return Report("Known and unknown addresses", timings, claims, _name("/reset", "unknown"))


def _measured() -> dict[str, Timing]:
    app = _make_app()
    addresses = map(str, map(IPv4Address, count(int(IPv4Address("10.0.0.1")))))
    _post(app, "/register", REGISTERED, addresses)()
    workloads = {
        _name(path, kind): _post(app, path, email, addresses)
        for path in BODIES
        for kind, email in (
            ("known", REGISTERED if path == "/confirm" else KNOWN),
            ("unknown", f"unknown-to-{path[1:]}@example.org"),
        )
    }
    return interleaved(workloads, rounds=ROUNDS)


def _name(path: str, kind: str) -> str:
    return f"POST {path}, {kind} address"


def _make_app() -> Any:
    mail = {"mail_url": "smtps://localhost:1", "mail_from": f"no-reply@{HOST}"}
    settings = rendered.settings(HOST, public_url=f"https://{HOST}", log_level="ERROR", **mail)
    app = rendered.module("app").create_app(settings)
    with app.app_context():
        rendered.module("secure_flask.database").db.create_all()
        rendered.module("secure_flask").create_user("known", PASSWORD, email=KNOWN)
    return app


def _post(app: Any, path: str, email: str, addresses: Any) -> Workload:
    """A plain WSGI call with the body of `path`, from a new address each time."""
    body = json.dumps(BODIES[path](email)).encode()
    environ = EnvironBuilder(
        *(path, f"https://{HOST}/"),
        method="POST",
        content_type="application/json",
        data=body,
        errors_stream=io.StringIO(),
    ).get_environ()

    following = EnvironBuilder("/healthz", f"https://{HOST}/").get_environ()

    def post() -> None:
        own = {"wsgi.input": io.BytesIO(body), "REMOTE_ADDR": next(addresses)}
        for each in (environ | own, following):
            answer = app(each, lambda *arguments: None)
            b"".join(answer)
            answer.close()

    return post


if __name__ == "__main__":
    print(json.dumps({name: asdict(timing) for name, timing in _measured().items()}))
