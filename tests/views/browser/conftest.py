"""What the browser's tests share: Chromium, servers on free ports, and another site."""

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, request
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from secure_flask import csp, public
from secure_flask.csp_levels import SELF
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, generate_adhoc_ssl_context, make_server

import support
from core import routes
from views.conftest import LOGIN, MakeApp

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REAL_NAME = "www.example.org"
ARGUMENTS = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Sending reports, Chromium heeds no setting of Playwright's.
    "--ignore-certificate-errors",
    "--short-reporting-delay",
    # To a browser `localhost` is safe without https: a site in production needs a real name.
    f"--host-resolver-rules=MAP {REAL_NAME} 127.0.0.1",
)
SCREEN: ViewportSize = {"width": 1280, "height": 720}
TIMEOUT = 10_000  # milliseconds
expect.set_options(timeout=TIMEOUT)

# Each app has a page here whose scripts may ask the app itself, whatever else it serves.
PROBE = "/probe-page"
LOG_IN = """async ([url, login]) => {
    const headers = {"Content-Type": "application/json"};
    await fetch(url, {method: "POST", headers, body: JSON.stringify(login)});
}"""

Serve = Callable[..., "Server"]


class Server:
    """A WSGI app on a free port of this machine, in a thread."""

    def __init__(self, app: "WSGIApplication", context: ssl.SSLContext | None = None) -> None:
        self.scheme = "https" if context else "http"
        self._server = make_server(
            "127.0.0.1", 0, _whole(app), threaded=True, ssl_context=context, request_handler=_Quiet
        )
        # It looks that often whether to stop.
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def at(self, host: str) -> str:
        """Its origin by one of its names: `localhost`, `127.0.0.1` and REAL_NAME are three sites."""
        return f"{self.scheme}://{host}:{self._server.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Elsewhere:
    """Another site: it answers what a test puts into `pages` by path, and notes what was asked.

    `/307?…` and `/308?…` lead to the address in the query, with the method and the body. The tests
    of three engines use that.
    """

    def __init__(self, asked: "Queue[str] | None" = None) -> None:
        self.pages: dict[str, str] = {}
        self.asked = asked or Queue()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        self.asked.put(request.path)
        types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
        if request.path in ("/307", "/308"):
            target = request.query_string.decode()
            moved = Response(status=int(request.path[1:]), headers={"Location": target})
            return moved(environ, start_response)
        answer = Response(self.pages.get(request.path, ""))
        answer.mimetype = types.get(Path(request.path).suffix, "text/html")
        # Nothing but the policy of the page that embeds it shall stand in its way.
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer(environ, start_response)


class _Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """Failing tests say enough."""


def _whole(app: "WSGIApplication") -> "WSGIApplication":
    # Where a browser hangs up early, Werkzeug's server leaves the file behind an answer open.
    return lambda environ, start: Response.from_app(app, environ, buffered=True)(environ, start)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    support.need(support.CHROMIUM, "Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=support.CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def new_page(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page of a browser that was never used."""
    context = browser.new_context(ignore_https_errors=True, **options)
    context.set_default_timeout(TIMEOUT)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def shared_page(browser: Browser) -> Iterator[Page]:
    """A new one takes Chromium several processes and more time than most tests."""
    with new_page(browser) as page:
        yield page


@pytest.fixture
def page(shared_page: Page) -> Iterator[Page]:
    """A page without cookies. Caches and storage go by port, and each site here has a new one."""
    shared_page.set_viewport_size(SCREEN)
    shared_page.emulate_media(color_scheme="null", forced_colors="null", reduced_motion="null")
    yield shared_page
    shared_page.unroute_all()
    shared_page.context.clear_cookies()


@pytest.fixture
def own_page(browser: Browser) -> Iterator[Page]:
    """A browser remembers which names want https, on whichever port they said so."""
    with new_page(browser) as page:
        yield page


@pytest.fixture
def make_app(make_app: MakeApp, tmp_path: Path) -> MakeApp:
    """In the other tests an app keeps its users in memory, which its threads would share."""

    def make(**changes: Any) -> Flask:
        app = make_app(**{"database_url": f"sqlite:///{tmp_path}/app.db", **changes})
        app.add_url_rule(PROBE, view_func=public(csp(connect_src=[SELF])(probe)))
        return app

    return make


def probe() -> str:
    return '<!doctype html><title>Probe</title><p id="probe">The site is shown.</p>'


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def serve(certificate: ssl.SSLContext) -> Iterator[Serve]:
    """`serve(app)` over http, `serve(app, https=True)` over https."""
    servers: list[Server] = []

    def start(app: "WSGIApplication", *, https: bool = False) -> Server:
        servers.append(Server(app, certificate if https else None))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    return serve(app).at("localhost")


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def other(elsewhere: Elsewhere, serve: Serve) -> Server:
    return serve(elsewhere)


@pytest.fixture(scope="session")
def certificate() -> ssl.SSLContext:
    """Signed by itself."""
    return generate_adhoc_ssl_context()


def noted_reports(app: Flask) -> "Queue[dict[str, Any]]":
    """Each report of a browser that the app takes from now on."""
    reported: Queue[dict[str, Any]] = Queue()

    @app.before_request
    def keep() -> None:
        # A view that reads a body leaves nothing of it to what runs later.
        request.get_data()

    @app.after_request
    def note(answer: Response) -> Response:
        if (request.path, answer.status_code) == ("/csp-reports", 204):
            sent = request.get_json(force=True)
            for report in sent if isinstance(sent, list) else [sent]:
                reported.put(report)
        return answer

    return reported


def log_in(page: Page, site: str) -> None:
    """Log in by a script of the site's own."""
    page.goto(site + PROBE)
    page.evaluate(LOG_IN, [routes.LOGIN, LOGIN])
