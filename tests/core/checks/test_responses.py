"""The app asks itself: what a middleware or an extension does to its answers is seen."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from secure_flask import assets
from secure_flask.auth.access import public
from secure_flask.checks.responses import DESCRIPTION, MARK, PATHS
from secure_flask.csp_levels import NONE, PARANOID
from secure_flask.web.csp import csp
from secure_flask.web.headers import HEADERS
from werkzeug.datastructures import Headers

from core.checks.conftest import Find, MakeSite, found_in

Change = Callable[[Headers], None]
PROMISED = {
    *("Content-Security-Policy", "Strict-Transport-Security", "X-Frame-Options"),
    *("Referrer-Policy", *HEADERS),
}


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


def test_a_header_that_a_middleware_removes_is_reported_for_pages_and_served_files(
    make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.folder").mkdir()
    for name in (".hidden", "backup.txt~", "served.txt"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(assets, "asset_folder", tmp_path.resolve)
    app = behind(make_site(), lambda headers: headers.remove("X-Frame-Options"))
    [message] = found_in(app, "headers.different")
    assert message.startswith(f"X-Frame-Options of {', '.join(PATHS)}, /static/served.txt is")


def test_each_header_is_reported_where_a_middleware_removes_all(make_site: MakeSite) -> None:
    found = found_in(behind(make_site(), Headers.clear), "headers.different")
    assert {message.partition(" of ")[0] for message in found} == PROMISED


def test_a_list_of_sites_that_a_middleware_removes_is_reported(make_site: MakeSite) -> None:
    site = make_site(LINKS=[])
    # What one view names is in the list of all.
    site.add_url_rule("/_test/map", "map", csp(img_src=["https://tiles.example"])(lambda: ""))
    assert found_in(site, "headers.different") == []
    without = behind(site, lambda headers: headers.remove("Connection-Allowlist"))
    [message] = found_in(without, "headers.different")
    assert message.startswith("Connection-Allowlist of /, ")


def test_a_page_that_crashes_is_reported(make_site: MakeSite) -> None:
    def crash() -> str:
        raise ZeroDivisionError

    site = make_site(PROPAGATE_EXCEPTIONS=False)
    assert found_in(site, "responses.server-error") == []
    site.view_functions["site.index"] = public(crash)
    [message] = found_in(site, "responses.server-error")
    assert message.startswith("GET / ")


def test_every_promise_is_kept(make_site: MakeSite, subtests: pytest.Subtests) -> None:
    for case, changes in (
        ("production", {}),
        ("development", {"app_env": "development"}),
        ("two that report", {"csp_report_only": True, "CSP_CANDIDATE": {"img-src": [NONE]}}),
        ("a page that leads nowhere", {"CSP": PARANOID}),
        ("a candidate", {"CSP_CANDIDATE": {"img-src": [NONE]}}),
        ("a page with a policy", {"start_page": csp(img_src=["'self'"])(lambda: "a page")}),
    ):
        with subtests.test(case=case, changes=changes):
            assert found_in(make_site(**changes), "headers.different") == [], case


def test_the_description_and_the_start_page_of_the_template_are_found(
    find: Find, make_site: MakeSite
) -> None:
    [message] = find("pages.starter", DESCRIPTION=DESCRIPTION)
    assert message.startswith("DESCRIPTION is still that of the template")
    assert find("pages.starter", DESCRIPTION="") == []
    [message] = found_in(make_site(start_page=lambda: MARK), "pages.starter")
    assert message.startswith("The start page is still that of the template")
