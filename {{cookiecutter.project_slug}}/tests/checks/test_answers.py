"""The app asks itself: what a middleware or an extension does to its answers is seen."""

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.datastructures import Headers

from app import assets, policy
from app.security.csp import csp
from tests.checks.conftest import POLICY, MakeSite, found_in
from tests.conftest import PRODUCTION, MakeApp

Change = Callable[[Headers], None]


def behind(app: Flask, change: Change) -> Flask:
    """Put the app behind a middleware that changes the headers of each answer."""
    inner = app.wsgi_app

    def middleware(environ: Any, start: Any) -> Iterable[bytes]:
        def changed(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            kept = Headers(headers)
            change(kept)
            return start(status, kept.to_wsgi_list(), exc_info)

        return inner(environ, changed)

    app.wsgi_app = middleware  # type: ignore[assignment,method-assign]
    return app


PROMISED = {
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Frame-Options",
    "Referrer-Policy",
    *policy.HEADERS,
}


def test_a_header_that_a_middleware_removes_is_told(make_site: MakeSite) -> None:
    app = behind(make_site(), lambda headers: headers.remove("X-Frame-Options"))
    [message] = found_in(app, "headers.missing")
    assert message.startswith("X-Frame-Options of /, /healthz, /me, /asked-by-flask-check, /static")
    assert found_in(app, "headers.changed") == []


def test_so_is_each_where_it_removes_all(make_site: MakeSite) -> None:
    told = found_in(behind(make_site(), Headers.clear), "headers.missing")
    assert {message.partition(" of ")[0] for message in told} == PROMISED


def test_one_that_it_weakens_is_told(make_site: MakeSite) -> None:
    def weaken(headers: Headers) -> None:
        headers["Content-Security-Policy"] = "default-src *"

    [message] = found_in(behind(make_site(), weaken), "headers.changed")
    assert message.startswith("Content-Security-Policy of /, ")


@pytest.mark.parametrize(
    "changes",
    [{}, PRODUCTION, {"csp_report_only": True}, {"CSP_CANDIDATE": POLICY}],
    ids=["development", "production", "only reports", "a candidate"],
)
def test_as_rendered_every_promise_is_kept(make_app: MakeApp, changes: dict[str, Any]) -> None:
    app = make_app(**changes)
    assert found_in(app, "headers.missing") == found_in(app, "headers.changed") == []


def test_a_protection_that_create_app_leaves_out_is_told(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.security.framing.init_app", lambda app: None)
    app = make_site()
    [message] = found_in(app, "headers.missing")
    assert message.startswith("X-Frame-Options of /, ")


def test_a_page_with_a_policy_of_its_own_keeps_its_promise(make_site: MakeSite) -> None:
    app = make_site()
    app.view_functions["pages.index"] = csp(img_src=["'self'"])(app.view_functions["pages.index"])
    assert found_in(app, "headers.changed") == []


def test_a_page_that_crashes_is_told(make_site: MakeSite) -> None:
    app = make_site()
    app.view_functions["pages.index"] = lambda: Response(status=500)
    [message] = found_in(app, "answers.crash")
    assert message.startswith("GET / ")


def test_it_asks_for_no_file_that_is_not_served(
    make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static = shutil.copytree(assets.STATIC, tmp_path / "static")
    (static / "a.folder").mkdir()
    for name in (".hidden", "backup.txt~", "served.txt"):
        (static / name).write_text("")
    monkeypatch.setattr(assets, "STATIC", static.resolve())
    app = behind(make_site(), lambda headers: headers.remove("X-Frame-Options"))
    [message] = found_in(app, "headers.missing")
    assert "/static/served.txt" in message
    assert not re.search(r"/static/(?:a\.folder|\.hidden|backup)", message)
