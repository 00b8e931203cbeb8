"""Which redirects to an address of the request are named, and that a checked one is not."""

import importlib.util
import sys
from pathlib import Path

import pytest
from flask import Flask

from core.checks.conftest import MakeSite, found_in

MODULE = """
import flask
from flask import redirect, request, url_for
from secure_flask import checked_next

def view(form=None):
{body}
"""
NAMED = [
    "return redirect(request.args['next'])",
    "return flask.redirect(flask.request.args.get('next', '/'), 303)",
    "return redirect(location=request.values['next'])",
    "return redirect(request.form.get('next') or '/')",
    "return redirect('/' if form else request.args['next'].strip())",
    "return redirect(f'{request.args[\"next\"]}?again=1')",
    "target = request.args.get('next')\n    return redirect(target)",
    "if target := request.args.get('next'):\n        return redirect(target)",
    "target = request.args.get('next')\n    if not target.startswith('/'):\n"
    "        target = '/'\n    return redirect(target)",
]
UNNAMED = [
    "return redirect(url_for('view', page=request.args['page']))",
    "return redirect(checked_next() or '/')",
    "target = checked(request.args['next'])\n    return redirect(target)",
    "return redirect(request.path)",
    "target = request.args['next']\n    return redirect('/')",
    "def other():\n        target = request.args['next']\n    target = '/'\n    return redirect(target)",
]


@pytest.fixture
def named(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """The findings for a view with this body."""

    def named(body: str, folder: str = "shop") -> list[str]:
        file = tmp_path / folder / "views.py"
        file.parent.mkdir()
        file.write_text(MODULE.format(body=f"    {body}"))
        spec = importlib.util.spec_from_file_location("shop_views", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "shop_views", module)
        spec.loader.exec_module(module)
        app: Flask = make_site()
        app.add_url_rule("/_redirect", view_func=module.view)
        return [each for each in found_in(app, "redirects.unchecked") if "views.py" in each]

    return named


@pytest.mark.parametrize("body", NAMED)
def test_a_redirect_to_an_address_of_the_request_is_named(named, body: str) -> None:  # type: ignore[no-untyped-def]
    [line] = named(body)
    number = 6 + body[: body.index("redirect(")].count("\n") + 1
    assert f"views.py:{number} " in line


@pytest.mark.parametrize("body", UNNAMED)
def test_a_redirect_to_a_page_of_the_app_is_not(named, body: str) -> None:  # type: ignore[no-untyped-def]
    assert named(body) == []


def test_nor_is_one_of_a_package(named) -> None:  # type: ignore[no-untyped-def]
    assert named(NAMED[0], "site-packages") == []
