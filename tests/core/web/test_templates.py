"""Templates of an app that sets up Jinja before or after `init_app`."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.templating import Environment
from secure_flask.auth.access import public

from core.conftest import protect

PAGE = """{{ csp_nonce() and "nonce" }} {{ csrf_token() }} {{ asset("page.css").url[:16] }}
{{ "page.css" is asset }} {{ "gone.css" is asset }}"""
EXPECTED = "nonce  /static/page.css\nTrue False"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """An app that is not protected yet, with one static file."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "page.css").write_text("")
    app = Flask("shop", root_path=str(tmp_path))
    app.add_url_rule("/", view_func=public(lambda: render_template_string(PAGE)))
    return app


def shown(app: Flask) -> str:
    return app.test_client().get("/").text


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("reload", [None, False, True])
def test_an_app_may_say_after_init_app_whether_changed_templates_are_read_again(
    app: Flask, debug: bool, reload: bool | None
) -> None:
    protect(app)
    app.config["DEBUG"] = debug
    app.config["TEMPLATES_AUTO_RELOAD"] = reload
    assert app.jinja_env.auto_reload == (debug if reload is None else reload)


def test_jinja_options_that_are_set_after_init_app_count(app: Flask) -> None:
    protect(app)
    app.jinja_options = {"trim_blocks": True, "extensions": ["jinja2.ext.do"]}
    assert app.jinja_env.trim_blocks
    assert "jinja2.ext.ExprStmtExtension" in app.jinja_env.extensions
    assert shown(app) == EXPECTED


def test_templates_have_the_functions_of_the_core_whenever_jinja_was_set_up(app: Flask) -> None:
    # As a filter does that is registered before init_app.
    app.add_template_filter(str.upper, "shout")
    assert shown(protect(app)) == EXPECTED
    assert "shout" in app.jinja_env.filters


def test_an_app_keeps_its_own_kind_of_environment(app: Flask) -> None:
    class Own(Environment):
        def __init__(self, app: Flask, **options: Any) -> None:
            super().__init__(app, **options)
            self.globals["asset"] = "replaced by the core"
            self.globals["own"] = "mine"

    app.jinja_environment = Own  # type: ignore[assignment]
    assert shown(protect(app)) == EXPECTED
    assert isinstance(app.jinja_env, Own)
    assert app.jinja_env.globals["own"] == "mine"


def test_a_function_of_the_owner_replaces_one_of_the_core(app: Flask) -> None:
    protect(app)
    app.add_template_global(lambda: "mine", "csrf_token")
    assert "mine" in shown(app)


def test_macros_of_an_imported_template_have_the_functions_too(app: Flask, tmp_path: Path) -> None:
    protect(app)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "macros.html").write_text(
        "{% macro show() %}{{ csp_nonce() and 'nonce' }}{% endmacro %}"
    )
    page = "{% from 'macros.html' import show %}{{ show() }}"
    app.add_url_rule("/macro", "macro", public(lambda: render_template_string(page)))
    assert app.test_client().get("/macro").text == "nonce"
