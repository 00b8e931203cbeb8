"""What security headers cost each request, by several libraries and by the rendered project.

Every variant sits on the same bare Flask app with one HTML page, which is asked for
over https from an origin that may read it, by plain WSGI calls.
"""

from collections.abc import Callable, Mapping
from typing import Any

import secure
from flask import Flask, Response
from flask_cors import CORS
from flask_talisman import Talisman
from werkzeug.test import EnvironBuilder

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Workload, interleaved

HOST = "www.example.org"
PAGE = "<!doctype html><title>Measured</title><p>Hello"

BARE = "bare Flask"
TALISMAN = "Flask-Talisman with nonce"
FLASK_CORS = "Flask-CORS, 2 origins"
BOTH = "Flask-Talisman and Flask-CORS"
SECURE = "secure"
OURS = "this project's headers, nonce and CORS"
WITH_HOSTS = "... and hosts"
WHOLE = "the whole project"

# What the modules measured here read of the settings.
SETTINGS = ["PRODUCTION", "TRUSTED_HOSTS", "PROXY_HOPS", "CSP_REPORT_ONLY"]

ROUNDS, CALLS = 1500, 10


def measure() -> Report:
    timings = interleaved(
        {name: _call(protect) for name, protect in VARIANTS.items()}, rounds=ROUNDS, calls=CALLS
    )
    median = {name: timing.median for name, timing in timings.items()}
    added = {name: seconds - median[BARE] for name, seconds in median.items()}
    claims = [
        Claim("what ours adds / what Talisman and Flask-CORS add", added[OURS], added[BOTH], 1 / 6),
        Claim("ours / bare Flask", median[OURS], median[BARE], 1.2),
    ]
    return Report("Security headers, for each request", timings, claims, baseline=BARE)


def _bare() -> Flask:
    app = Flask("measured", static_folder=None)
    _add_page(app)
    return app


def _with_talisman() -> Flask:
    app = _bare()
    _add_talisman(app)
    return app


def _with_flask_cors() -> Flask:
    app = _bare()
    _add_flask_cors(app)
    return app


def _with_both() -> Flask:
    app = _bare()
    _add_talisman(app)
    _add_flask_cors(app)
    return app


def _with_secure() -> Flask:
    app = _bare()
    headers = secure.Secure.with_default_headers()

    def set_headers(response: Response) -> Response:
        headers.set_headers(response)
        return response

    app.after_request(set_headers)
    return app


def _with_ours() -> Flask:
    return _with_modules("cors", "csp", "headers")


def _with_hosts() -> Flask:
    return _with_modules("hosts", "cors", "csp", "headers")


def _whole() -> Flask:
    app: Flask = rendered.module("app").create_app(rendered.settings(HOST))
    app.add_url_rule(
        "/measured", view_func=rendered.module("secure_flask.auth.access").public(lambda: PAGE)
    )
    return app


VARIANTS: Mapping[str, Callable[[], Flask]] = {
    BARE: _bare,
    TALISMAN: _with_talisman,
    FLASK_CORS: _with_flask_cors,
    BOTH: _with_both,
    SECURE: _with_secure,
    OURS: _with_ours,
    WITH_HOSTS: _with_hosts,
    WHOLE: _whole,
}


def _add_page(app: Flask) -> None:
    app.add_url_rule("/measured", view_func=lambda: PAGE)


def _add_talisman(app: Flask) -> None:
    policy = {"default-src": "'self'", "script-src": "'self'"}
    Talisman(app, content_security_policy=policy, content_security_policy_nonce_in=["script-src"])


def _add_flask_cors(app: Flask) -> None:
    CORS(app, origins=rendered.CORS_ORIGINS, supports_credentials=True)


def _with_modules(*names: str) -> Flask:
    """Put modules of the project on the bare app, in the order in which it does."""
    app = _bare()
    rendered.module("secure_flask.state").begin_app_state(app)
    app.config.from_object("app.policy")
    app.config.update(dict(rendered.module("secure_flask.policy").Policy.load(app.config)))
    # Not SECRET_KEY: with it Flask opens a session for each request, here as anywhere.
    settings = rendered.settings(HOST).for_flask()
    app.config.update({name: settings[name] for name in SETTINGS})
    for name in names:
        rendered.module(f"secure_flask.web.{name}").init_app(app)
    app.config["TRUSTED_HOSTS"] = None  # as hosts leaves it: else Flask checks it too
    return app


def _call(make: Callable[[], Flask]) -> Workload:
    app, environ = make(), _environ()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if not status.startswith("200"):
            raise RuntimeError(f"not the page but {status}")

    def call() -> None:
        answer = app(environ.copy(), start_response)
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]

    return call


def _environ() -> dict[str, Any]:
    origin = [("Origin", rendered.CORS_ORIGINS[1])]
    return EnvironBuilder("/measured", base_url=f"https://{HOST}/", headers=origin).get_environ()
