"""Pages that the sites of `sites.py` have besides their own, for what a browser does with them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from flask import Flask, Response, current_app, request

csp: Any = import_module("secure_flask")
workers: Any = import_module("views.browser.test_csp")
public: Any = import_module("secure_flask").public

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="RAN"><script>RAN</script></svg>'
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><script>RAN</script><body onload="RAN"/></html>'
HTML = "<!doctype html><title>Upload</title><script>RAN</script><img src=x onerror='RAN'>"
UPLOADS = {
    "image/svg+xml": SVG,
    "text/xml": XHTML,
    "application/xhtml+xml": XHTML,
    "text/html": HTML,
    "text/plain": HTML,
    "application/json": HTML,
}

# A worker that passes each request on, as caches do, and the line that leaves writes alone.
PASSING_WORKER = """
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
    if (self.guarded && event.request.method !== "GET") return;
    event.respondWith(fetch(event.request));
});
"""
GUARD = "self.guarded = true;"
SENDING_WORKER = "fetch(location.search.slice(1), {mode: 'no-cors'}).catch(() => 0)"
BARE = "/bare"  # without the headers that close a page


def add(app: Flask, elsewhere: str, features: str) -> None:
    """Add them all. Some name another site; one runs the script that tries the features."""
    app.config.update(ELSEWHERE=elsewhere, FEATURES=features)
    for path, view in PAGES.items():
        app.add_url_rule(path, path[1:].replace(".", "-"), public(view), methods=["GET", "POST"])


def elsewhere() -> str:
    return str(current_app.config["ELSEWHERE"])


def html(body: str, script: str = "") -> str:
    nonce = csp.csp_nonce()
    return f'<!doctype html><title>Page</title>{body}<script nonce="{nonce}">{script}</script>'


def frame_page() -> str:
    return html('<img src="/shown">')


def worker_page() -> str:
    body = f'<body data-elsewhere="{elsewhere()}"><p id="said"></p>'
    return html(body, workers.START_WORKER.replace("/static/", "/"))


def features_page() -> str:
    script = (
        current_app.config["FEATURES"]
        .replace("NONCE", csp.csp_nonce())
        .replace("ELSEWHERE", elsewhere())
    )
    style = f'<style nonce="{csp.csp_nonce()}">#nonce {{color: red}}</style>'
    return html(f'{style}<p id="nonce"></p><p id="attribute" style="color: red"></p>', script)


def form_page() -> str:
    return html('<form method="post" action="/write"><button>Send</button></form>')


def form_page_without_referrer() -> Response:
    return Response(form_page(), headers={"Referrer-Policy": "no-referrer"})


def upload() -> Response:
    kind = request.args["type"]
    body = UPLOADS[kind].replace("RAN", "location = '/ran'")
    return Response(body, content_type=kind)


def stolen() -> str:
    """Return the page into which an attacker has put markup and scripts, with the nonce."""
    markup = str(current_app.config["STOLEN"])
    return f"<!doctype html><title>Page</title><body>{markup.replace('NONCE', csp.csp_nonce())}"


def redirecting() -> Response:
    return Response(status=307, headers={"Location": request.query_string.decode()})


def marked() -> Response:
    """Say which mark the browser sent, and give it one if it sent none."""
    sent = request.cookies.get("__Host-mark", "")
    response = Response(html(f'<p id="mark">{sent}</p>'))
    if not sent:
        response.set_cookie("__Host-mark", "own", secure=True, httponly=True)
    return response


def file(body: str, mimetype: str) -> Callable[[], Response]:
    return lambda: Response(body, mimetype=mimetype)


PAGES: dict[str, Callable[[], Any]] = {
    "/frame-page": frame_page,
    "/features": features_page,
    "/worker-page": worker_page,
    "/form-page": form_page,
    "/form-page-without-referrer": form_page_without_referrer,
    "/blocked": lambda: html(f'<img src="{elsewhere()}/tile.svg?secret">'),
    "/links": lambda: html(f'<a href="{elsewhere()}/empty">Away</a>'),
    "/write": lambda: {},
    "/shown": file(PICTURE, "image/svg+xml"),
    "/ran": lambda: "It ran",
    "/upload": upload,
    "/marked": marked,
    "/plain.txt": file("document.documentElement.dataset.ran = 1", "text/plain"),
    "/script.js": file("document.documentElement.dataset.ran = 1", "text/javascript"),
    "/module.js": file("export const one = 1", "text/javascript"),
    "/service-worker.js": file("self.there = true", "text/javascript"),
    "/passing-worker.js": file(PASSING_WORKER, "text/javascript"),
    "/guarded-worker.js": file(f"{GUARD}\n{PASSING_WORKER}", "text/javascript"),
    "/worker.js": file(workers.WORKER, "text/javascript"),
    "/answering-worker.js": file("postMessage(1)", "text/javascript"),
    "/style.css": file("#own {color: red}", "text/css"),
    "/tile.svg": file(PICTURE, "image/svg+xml"),
    "/stolen": stolen,
    "/307": redirecting,
    BARE: lambda: "<!doctype html><title>Page</title>",
    "/attack-worker.js": file(SENDING_WORKER, "text/javascript"),
    "/probe-page": lambda: html("<p>Probe</p>"),
}
