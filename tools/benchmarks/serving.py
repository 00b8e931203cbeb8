"""What one client gets from gunicorn: the rendered project beside bare Flask, in one process each.

Each server has one process with the project's own gunicorn.conf.py, and the same client,
which asks over one connection. It shares the machine with them, so that ratios count.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.benchmarks import rendered
from tools.benchmarks.measure import Report, Workload, interleaved, memory

sys.path.append(str(rendered.TEMPLATE / "tests"))

import services

ROUNDS, CALLS = 40, 25
NAME, PASSWORD = "ada", "a good long password"
BARE_APP = """
from flask import Flask

app = Flask(__name__)
app.add_url_rule("/healthz", view_func=lambda: {"status": "ok"})
"""
PREPARE = f"""
from app import create_app
from secure_flask import create_user
from secure_flask.database import Model, db
from secure_flask.settings.__main__ import main as write_env_file

write_env_file()
with create_app().app_context():
    Model.metadata.create_all(db.engine)
    create_user("{NAME}", "{PASSWORD}")
"""


def measure() -> Report:
    workloads: dict[str, Workload] = {}
    started: dict[str, str] = {}
    with rendered.temporary_folder() as folder, ExitStack() as stack:
        project = Path(folder, "served")
        rendered.render(rendered.TEMPLATE, Path(folder), "served", token_type="opaque")  # noqa: S106
        (project / "bare.py").write_text(BARE_APP, "utf-8")
        for name, app, url in _variants(project, stack):
            port, started[name] = stack.enter_context(_served(project, name, app, url))
            workloads |= _requests(name, port, with_login=app == "wsgi:app")
        timings = interleaved(workloads, rounds=ROUNDS, calls=CALLS)
    shown = {
        f"{name} ({1 / timing.median:,.0f} a second)": timing for name, timing in timings.items()
    }
    for name, told in started.items():
        print(f"{name}: {told}", file=sys.stderr)
    return Report("Requests to gunicorn, by one client", shown, [], baseline=next(iter(shown)))


def _variants(project: Path, stack: ExitStack) -> Iterator[tuple[str, str, str]]:
    sqlite = f"sqlite:///{project / 'served.db'}"
    yield "bare Flask", "bare:app", sqlite
    yield "SQLite", "wsgi:app", sqlite
    if services.find_postgresql():
        yield "PostgreSQL", "wsgi:app", stack.enter_context(services.postgresql())


@contextmanager
def _served(project: Path, name: str, app: str, url: str) -> Iterator[tuple[int, str]]:
    """Serve an app; gives the port, and how long it took to start and what it holds."""
    if app == "wsgi:app":
        command, environment = [sys.executable, "-c", PREPARE], os.environ | {"DATABASE_URL": url}
        quiet = subprocess.DEVNULL
        subprocess.run(command, cwd=project, env=environment, check=True, stdout=quiet)
    start = time.perf_counter()
    with services.serving(project, project / f"{name}.log", app=app, DATABASE_URL=url) as server:
        seconds = time.perf_counter() - start
        [worker] = server.workers
        yield server.port, f"served after {seconds:.1f} s, {memory(worker, 'VmRSS'):.0f} MiB"


def _requests(name: str, port: int, *, with_login: bool) -> dict[str, Workload]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    requests: dict[str, Workload] = {f"/healthz, {name}": lambda: _ask(connection, "/healthz", {})}
    if with_login:
        shown = _log_in(connection)
        requests[f"/me, {name}"] = lambda: _ask(connection, "/me", shown)
    return requests


def _log_in(connection: http.client.HTTPConnection) -> dict[str, str]:
    body = json.dumps({"username": NAME, "password": PASSWORD})
    connection.request("POST", "/login", body, {"Content-Type": "application/json"})
    return {"Authorization": f"Bearer {json.load(connection.getresponse())['token']}"}


def _ask(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"not {path} but {answer.status}")
