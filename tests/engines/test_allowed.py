"""What `docs/choose.md` says that a page may do, Chromium does, on the core in each state."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pytest
from flask import Flask
from playwright.sync_api import Browser
from secure_flask import Settings, csp_levels, csp_nonce, public
from secure_flask.settings.__main__ import fresh_secrets
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

import core.users  # noqa: F401 - an app needs a class of users
import support
from core.site import create_app
from engines.test_engines import daily

THEME = support.PAGES / "theme"
DATA = json.loads((THEME / "choices.js").read_text("utf-8").removeprefix("const CHOICES = ")[:-2])
LEVELS = support.CHOICES["csp"]

# A trial asks for an address that begins with this and its number where it works. What the
# page of the trial before asks for late has another number.
WON = "/won"
WIN = f"fetch('{WON}')"
SCRIPT = WIN.encode()
HASH = f"sha256-{b64encode(hashlib.sha256(SCRIPT).digest()).decode()}"
STYLE = "#p {color: rgb(1, 2, 3)}"


def script(text: str) -> str:
    return f'<script nonce="NONCE">{text}</script>'


def otherwise(condition: str) -> str:
    return script(f"{condition} ? {WIN} : console.error('blocked')")


CLICK = script("document.getElementById('b').click()")
LOOK = '<p id="p"></p>' + otherwise("getComputedStyle(p).color === 'rgb(1, 2, 3)'")
DATA_IMAGE = "data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>"
IN_A_PAGE = {
    "`<script>` with the nonce": script(WIN),
    "`<script>` without it, such as an injected one": f"<script>{WIN}</script>",
    "a script file with nonce, hash and `crossorigin`": f'<script nonce="NONCE" integrity="{HASH}" crossorigin src="/won.js"></script>',
    "a script file with the nonce alone": '<script nonce="NONCE" src="/won.js"></script>',
    "a script file without the nonce": '<script src="/won.js"></script>',
    "the same of a listed site": '<script src="LISTED/won.js"></script>',
    "the same of any other site": '<script src="OTHER/won.js"></script>',
    '`onclick="…"`': f'<b id="b" onclick="{WIN}"></b>{CLICK}',
    "a link to `javascript:…`": f'<a id="b" href="javascript:{WIN}"></a>{CLICK}',
    "`eval`": script(f'eval("{WIN}")'),
    "`innerHTML` and other sinks of text": f"<p id=p></p>{script(f'p.innerHTML = 1; {WIN}')}",
    "a worker": script("new Worker('/won.js')"),
    "a style sheet": '<link rel="stylesheet" href="/won.css">',
    "a style sheet of a listed site": '<link rel="stylesheet" href="LISTED/won.css">',
    "a style sheet of any other site": '<link rel="stylesheet" href="OTHER/won.css">',
    "`<style>` with the nonce": f'<style nonce="NONCE">{STYLE}</style>{LOOK}',
    "`<style>` without it": f"<style>{STYLE}</style>{LOOK}",
    '`style="…"`': LOOK.replace("<p", '<p style="color: rgb(1, 2, 3)"', 1),
    "an image": '<img src="/won">',
    "an image in a `data:` address": script(
        f"p = new Image(); p.onload = () => {WIN}; p.src = '{DATA_IMAGE}'"
    ),
    "an image of a listed site": '<img src="LISTED/won">',
    "an image of any other https site": '<img src="OTHER/won">',
    "a font": script("new FontFace('f', 'url(/won)').load()"),
    "a font of a listed site": script("new FontFace('f', 'url(LISTED/won)').load()"),
    "`fetch` to this site": script("fetch('/won')"),
    "`fetch` to a listed site": script("fetch('LISTED/won', {mode: 'no-cors'})"),
    "audio and video": '<video preload="auto" src="/won"></video>',
    "a page of this site in a frame": '<iframe src="/framed"></iframe>',
    "a page of another site in a frame": '<iframe src="OTHER/won"></iframe>',
    "a form that sends to this site": f'<form action="/won"><button id="b"></button></form>{CLICK}',
    "a form that sends to another site": f'<form action="OTHER/won"><button id="b"></button></form>{CLICK}',
    "an injected `<base>` that names this site": '<base href="/deep/">'
    + otherwise("document.baseURI.endsWith('/deep/')"),
    "an injected `<base>` that names another site": '<base href="OTHER/deep/">'
    + otherwise("document.baseURI.endsWith('/deep/')"),
    "a link to a listed site (in Chromium)": f'<a id="b" href="LISTED/won"></a>{CLICK}',
    "a link to any other site (in Chromium)": f'<a id="b" href="OTHER/won"></a>{CLICK}',
}
FRAME = '<iframe src="SITE/framed"></iframe>'
CALL = f"<script>fetch('SITE/answer').then((answer) => answer.text()).then(() => {WIN})</script>"
# The pages of other sites, by the host that they are on.
FROM_OUTSIDE = {
    "a site that may show your pages shows one in a frame": ("listed", FRAME),
    "any other site shows a page in a frame": ("other", FRAME),
    "a page of a site that may call your API reads an answer": ("listed", CALL),
    "a page of any other site reads an answer": ("other", CALL),
}


class Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """Print no line for each request."""


class Sites:
    """An app at site.test, and two other sites, over https. It notes what was asked for."""

    def __init__(self) -> None:
        self.app, self.page, self.asked = Flask("none"), "", list[str]()
        self.trials = itertools.count(1)
        self.won = WON
        self.server = make_server(
            *("127.0.0.1", 0, self), threaded=True, request_handler=Quiet, ssl_context="adhoc"
        )
        # Else a connection that a browser opens in advance keeps all others waiting.
        self.server.socket.do_handshake_on_connect = False  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __call__(self, environ: Any, start: Any) -> Iterable[bytes]:
        request = Request(environ)
        self.asked.append(request.path)
        if request.path.startswith(WON):
            kinds = {".js": "text/javascript", ".css": "text/css"}
            kind = kinds.get(PurePosixPath(request.path).suffix, "text/plain")
            body = SCRIPT if kind == "text/javascript" else b""
            opened = {"Access-Control-Allow-Origin": "*"}
            return Response(body, content_type=kind, headers=opened)(environ, start)
        if request.host.startswith("site."):
            return self.app(environ, start)
        return Response(self.page, content_type="text/html")(environ, start)

    def at(self, name: str) -> str:
        return f"https://{name}.test:{self.server.port}"

    def placed(self, text: str) -> str:
        for word in ("site", "listed", "other"):
            text = text.replace(word.upper(), self.at(word))
        return text

    def serve(self, state: dict[str, str]) -> None:
        """Serve the core in production, with the policy of these answers."""
        listed = self.at("listed")
        ancestors = {"deny": "'none'", "sameorigin": "'self'", "allowlist": listed}
        values: dict[str, Any] = {"app_env": "production", "trusted_hosts": ["site.test"]}
        secrets: dict[str, Any] = {name.lower(): key for name, key in fresh_secrets().items()}
        self.app = create_app(
            Settings(_env_file=None, **secrets, **values),
            CSP=getattr(csp_levels, state["csp"].upper()),
            CSP_SOURCES=[listed] if state["csp_sources"] else [],
            FRAME_ANCESTORS=[ancestors[state["framing"]]],
            CORS_ORIGINS=[listed] if state["cors_origins"] else [],
        )
        self.add("/tried", lambda: self.page.replace("NONCE", csp_nonce()))
        self.add("/framed", lambda: script(f"fetch('{self.won}')").replace("NONCE", csp_nonce()))
        self.add("/answer", lambda: {"an": "answer"})

    def add(self, path: str, view: Callable[[], Any]) -> None:
        self.app.add_url_rule(path, path[1:], public(view))


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    made = Sites()
    yield made
    made.server.shutdown()


class Measured(NamedTuple):
    sites: Sites
    browser: Browser

    def outcome(self, host: str, text: str) -> str:
        """Open a page: whether it asks for its address, or the browser says that something failed."""
        self.sites.won = won = f"{WON}-{next(self.sites.trials)}"
        tried = self.sites.placed(text.replace(WON, won))
        self.sites.page = f"<!doctype html><title>Tried</title><body>{tried}"
        with self.browser.new_context(ignore_https_errors=True) as context:
            page, failed = context.new_page(), list[object]()
            for event in ("console", "pageerror", "requestfailed"):
                page.on(event, lambda said: failed.append(said))

            def has_won() -> bool:
                page.wait_for_timeout(10)
                return any(path.startswith(won) for path in self.sites.asked)

            page.goto(f"{self.sites.at(host)}/tried", wait_until="commit")
            # A page in place of the one that the browser does not open.
            support.wait_until(lambda: has_won() or failed or page.url.startswith("chrome-error:"))
            return "works" if has_won() else "blocked"


def said(title: str, state: dict[str, str]) -> dict[str, str]:
    """What the page says in a state."""
    rows = DATA["allowed"][title].items()
    return {
        what: table["values"][",".join(state[name] for name in table["by"])] for what, table in rows
    }


@pytest.mark.slow(seconds=60)
@pytest.mark.parametrize("csp_sources", ["", "named"])
@pytest.mark.parametrize("level", [*map(daily, LEVELS)])
def test_a_page_may_do_in_chromium_what_the_page_of_choices_says(
    level: str, csp_sources: str, sites: Sites, browser: Browser
) -> None:
    state = {"csp": level, "csp_sources": csp_sources, "framing": "sameorigin", "cors_origins": ""}
    sites.serve(state)
    measured = Measured(sites, browser)
    found = {what: measured.outcome("site", text) for what, text in IN_A_PAGE.items()}
    assert found == said("In a page", state)


@pytest.mark.all
@pytest.mark.parametrize("cors_origins", ["", "named"])
@pytest.mark.parametrize("framing", support.CHOICES["framing"])
def test_other_sites_may_do_in_chromium_what_the_page_of_choices_says(
    framing: str, cors_origins: str, sites: Sites, browser: Browser
) -> None:
    state = {"csp": "strict", "csp_sources": "", "framing": framing, "cors_origins": cors_origins}
    sites.serve(state)
    measured = Measured(sites, browser)
    found = {what: measured.outcome(*page) for what, page in FROM_OUTSIDE.items()}
    assert found == said("From outside", state)
