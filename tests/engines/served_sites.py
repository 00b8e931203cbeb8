"""Sites that browsers visit: apps of the project in this folder, and other sites. Talks JSON lines.

A line names a command and its arguments, `["attack", "base"]`; the next line of output is
the answer. The attacks are those of the project's own browser tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from io import BytesIO
from itertools import count
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import generate_adhoc_ssl_context

sys.path.insert(0, os.getcwd())
# Behind the project, whose `app` and `tests` are meant.
sys.path.append(str(Path(__file__).resolve().parents[1]))

project: Any = import_module("tests.conftest")
browser: Any = import_module("views.browser.conftest")
attacks: Any = import_module("views.browser.test_attacks")
site_pages: Any = import_module("engines.site_pages")

PATIENCE = 15  # seconds until something that a browser does at once counts as not done
MOMENT = 0.5  # seconds between two requests that a page sends one after the other
CERTIFICATE = generate_adhoc_ssl_context()
CLOSING = ("Connection-Allowlist", "Integrity-Policy")
NOTED = ("Origin", "Sec-Fetch-Site", "Referer", "Content-Type")

seen: Queue[str] = Queue()
outcomes = ["nothing"]
requests: list[Queue[dict[str, Any]]] = []
apps: list[Flask] = []
evil_origin: str
elsewhere_origin: str
evil = browser.Elsewhere(seen)
elsewhere = browser.Elsewhere()
numbers = count()


def new_app(**changes: Any) -> Flask:
    app: Flask = project.build_app(database_url=f"sqlite:///{FOLDER}/{next(numbers)}.db", **changes)
    project.fill(app)
    return app


def served(app: Any, *, https: bool = False) -> Any:
    server = browser.Server(app, CERTIFICATE if https else None)
    if https:
        # Else a connection that a browser opens in advance keeps all others waiting.
        server._server.socket.do_handshake_on_connect = False
    return server


def attack(name: str) -> dict[str, Any]:
    """Serve a page with a flaw; where the attack begins, and whether the policy lets it in."""
    # One that seemed to be stopped has not won meanwhile.
    assert outcomes[-1] == "works" or attacks.WON not in seen.queue
    tried = attacks.ATTACKS[name]
    # What its Content-Security-Policy stops by itself.
    app = new_app(LINKS=None)
    app.before_request_funcs.setdefault(None, []).insert(0, note_report)
    start, _ = attacks.prepare(app, tried, evil, evil_origin, served)
    seen.queue.clear()
    works = attacks.works(tried, attacks.testing.page_csp(app))
    return {"start": start, "click": tried.click, "works": works}


def note_report() -> None:
    """Note what WebKitGTK stopped: its reports do not say so, but no policy here only reports."""
    if request.path == "/csp-reports" and '"disposition"' not in request.get_data(as_text=True):
        seen.put(attacks.STOPPED)


def outcome(patience: float) -> str:
    """Return what comes first: the attack wins, or a browser reports that it stopped it."""
    outcomes.append("nothing")
    with contextlib.suppress(Empty):
        while outcomes[-1] == "nothing":
            event = seen.get(timeout=patience)
            outcomes[-1] = {attacks.WON: "works", attacks.STOPPED: "stopped"}.get(event, "nothing")
    return outcomes[-1]


def serve(hosts: list[str], https: bool, policy: dict[str, Any], only: bool) -> tuple[int, int]:
    """Serve the app, with pages of these tests; its number and its port."""
    production = {"app_env": "production"} if https else {}
    app = new_app(trusted_hosts=hosts, csp_report_only=only, **production, **policy)
    project.add_user(app, "mallory")
    reported: Queue[dict[str, Any]] = Queue()
    requests.append(reported)
    apps.append(app)

    app.wsgi_app = keeping_bodies(app.wsgi_app)  # type: ignore[method-assign]

    @app.after_request
    def note(response: Response) -> Response:
        reported.put(described(response))
        return response

    app.wsgi_app = without_headers(app.wsgi_app)  # type: ignore[method-assign]
    site_pages.add(app, elsewhere_origin, FEATURES)
    server = served(app, https=https)
    return len(requests) - 1, int(server.at("localhost").rpartition(":")[2])


def keeping_bodies(app: Any) -> Any:
    """Keep each body for `described`, since a view that reads one leaves nothing of it."""

    def kept(environ: dict[str, Any], start: Any) -> Any:
        environ["kept"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(environ["kept"])
        return app(environ, start)

    return kept


def without_headers(app: Any) -> Any:
    """Take the headers that close a page off one of the site's own."""

    def stripped(environ: dict[str, Any], start: Any) -> Any:
        def start_bare(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kept = [each for each in headers if each[0] not in CLOSING]
            return start(
                status, kept if environ["PATH_INFO"] == site_pages.BARE else headers, *rest
            )

        return app(environ, start_bare)

    return stripped


def described(response: Response) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "headers": {name: request.headers.get(name, "") for name in NOTED},
        "login": any(name.endswith("session") for name in request.cookies),
        "body": request.environ["kept"].decode(),
        "status": response.status_code,
    }


def noted(app: int, method: str, path: str) -> dict[str, Any] | None:
    """Wait for a request to an app, and return what it had; those before it are forgotten."""
    while True:
        try:
            reported = requests[app].get(timeout=PATIENCE)
        except Empty:
            return None
        if (reported["method"], reported["path"]) == (method, path):
            return reported


def more(app: int, method: str, path: str) -> list[dict[str, Any]]:
    """Return such requests that came by now or come within a moment."""
    found: list[dict[str, Any]] = []
    while True:
        try:
            reported = requests[app].get(timeout=MOMENT)
        except Empty:
            return found
        if (reported["method"], reported["path"]) == (method, path):
            found.append(reported)


def everything(app: int) -> list[dict[str, Any]]:
    """Return all requests since the last look."""
    return [requests[app].get() for _ in range(requests[app].qsize())]


def steal(app: int, markup: str) -> None:
    """Put an attacker's markup into a page of the app."""
    apps[app].config["STOLEN"] = markup


def page(path: str, text: str) -> None:
    elsewhere.pages[path] = text


def main(lines: Iterable[str]) -> None:
    for line in lines:
        command, *arguments = json.loads(line)
        print(json.dumps(globals()[command](*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    FOLDER, FEATURES = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr
    evil_origin = served(evil, https=True).at("127.0.0.1")
    elsewhere_server = served(elsewhere, https=True)
    elsewhere_origin = elsewhere_server.at("127.0.0.1")
    plain = served(elsewhere)
    elsewhere.pages["/tile.svg"] = site_pages.PICTURE
    elsewhere.pages["/attack-worker.js"] = site_pages.SENDING_WORKER
    elsewhere.pages["/style.css"] = "#other {color: red}"
    ports = [origin.at("localhost").rpartition(":")[2] for origin in (elsewhere_server, plain)]
    print(json.dumps({"attacks": [*attacks.ATTACKS], "ports": ports}), file=answers, flush=True)
    main(sys.stdin)
    os._exit(0)
