"""What a form post by somebody without a login costs, beside bare Flask with Flask-WTF.

There `CSRFProtect` needs a session cookie and a token in the form for each visitor. Here the
origin of the request is the proof, so that an anonymous visitor needs neither.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication

from flask import Flask, redirect
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect, FlaskForm
from werkzeug.datastructures import Headers
from werkzeug.test import Client, EnvironBuilder
from wtforms import EmailField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Workload, interleaved

HOST = "www.example.org"
ORIGIN = f"https://{HOST}"
FIELDS = {"name": "Ada", "email": "ada@example.org", "text": "Two loaves of rye, please."}
TOKEN = re.compile('name="csrf_token" type="hidden" value="([^"]+)"')

BARE = "bare Flask, Flask-WTF and CSRFProtect"
WHOLE = "the whole project"

ROUNDS, CALLS = 1000, 10


class ContactForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", [DataRequired(), Length(max=80)])
    email = EmailField("Address", [DataRequired(), Length(max=254)])
    text = TextAreaField("Text", [DataRequired(), Length(max=2000)])


def measure() -> Report:
    timings = interleaved({BARE: _bare(), WHOLE: _whole()}, rounds=ROUNDS, calls=CALLS)
    ours, bare = timings[WHOLE].median, timings[BARE].median
    claims = [Claim("ours / Flask-WTF with CSRFProtect", ours, bare, 1.2)]
    return Report("A form post without a login", timings, claims, baseline=BARE)


def _bare() -> Workload:
    app = Flask("measured", static_folder=None)
    app.config.update(SECRET_KEY="x" * 43, SESSION_COOKIE_SECURE=True)
    CSRFProtect(app)

    @app.route("/contact", methods=["GET", "POST"])
    def contact() -> ResponseReturnValue:
        form = ContactForm()
        return redirect("/", 303) if form.validate_on_submit() else str(form.csrf_token)

    page = Client(app).get("/contact", base_url=ORIGIN)
    [token] = TOKEN.findall(page.text)
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    # CSRFProtect checks the Referer over https.
    shown = {"Cookie": cookie, "Referer": f"{ORIGIN}/contact"}
    return _post(app, {**FIELDS, "csrf_token": token}, shown)


def _whole() -> Workload:
    app: Flask = rendered.module("app").create_app(rendered.settings(HOST))

    def contact() -> ResponseReturnValue:
        form = ContactForm()
        return redirect("/", 303) if form.validate_on_submit() else ""

    view = rendered.module("secure_flask.web.forms").consumes_form(contact)
    view = rendered.module("secure_flask.auth.access").public(view)
    app.add_url_rule("/contact", view_func=view, methods=["GET", "POST"])
    return _post(app, FIELDS, {})


def _post(app: WSGIApplication, fields: dict[str, str], headers: dict[str, str]) -> Workload:
    """Post the form again and again; both apps are sent what a browser sends."""
    sent = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", **headers}
    body = urlencode(fields)
    kind = "application/x-www-form-urlencoded"
    builder = EnvironBuilder(
        "/contact", ORIGIN, method="POST", data=body, content_type=kind, headers=Headers(sent)
    )
    environ = builder.get_environ()
    stream = environ["wsgi.input"]

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        if not status.startswith("303"):
            raise RuntimeError(f"not done but {status}")

    def post() -> None:
        stream.seek(0)
        answer: Iterable[bytes] = app(environ.copy(), start_response)
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]

    return post
