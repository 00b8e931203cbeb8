"""Which endpoints hide a marked function, and that nothing else is named."""

from typing import Any

import pytest
from flask import Blueprint, Flask, current_app
from flask.views import MethodView
from secure_flask import current_user, login_required, public, roles_required
from secure_flask.database import db
from secure_flask.web.csrf import SAFE_METHODS

from core.auth.ways_to_register import (
    ENDPOINT,
    PATH,
    WAYS,
    AnyView,
    add,
    caching,
    lossy,
    with_wraps,
)
from core.checks.conftest import found_in
from core.conftest import PRODUCTION, MakeApp

FOR_ADMINS = roles_required("admin")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def view() -> AnyView:
    """A new one each time, since a mark stays on its function."""

    def view(word: str) -> str:
        return word

    return view


def named(app: Flask) -> list[str]:
    """The endpoints that hide a marked function."""
    return [message.partition(" hides ")[0] for message in found_in(app, "access.hidden-mark")]


@pytest.mark.parametrize("name", WAYS)
def test_an_endpoint_is_named_exactly_if_its_view_hides_the_mark(
    app: Flask, view: AnyView, name: str
) -> None:
    WAYS[name].register(app, FOR_ADMINS, view)
    endpoints = [endpoint.removeprefix("probes.") for endpoint in named(app)]
    assert endpoints == ([ENDPOINT] if WAYS[name].hides else [])


def test_the_finding_names_the_function_and_its_mark(app: Flask, view: AnyView) -> None:
    add(app, lossy(FOR_ADMINS(view)))
    [message] = found_in(app, "access.hidden-mark")
    assert message.startswith(f"probe hides {__name__}.view.<locals>.view, which is marked @roles_")


def test_what_a_mark_cannot_hold_is_named(app: Flask, view: AnyView) -> None:
    add(app, caching(FOR_ADMINS(view)))
    kept = []

    def keep(view: Any) -> Any:
        kept.append(view)
        return view

    FOR_ADMINS(keep(lambda word: word))
    app.add_url_rule("/kept/<word>", "kept", lambda word: kept[0](word))
    assert named(app) == ["kept", ENDPOINT]


def test_one_method_that_hides_what_another_shows_is_named(app: Flask) -> None:
    marked = FOR_ADMINS(lambda self, word: word)

    class Both(MethodView):
        get = marked
        post = lossy(marked)

    add(app, Both.as_view("both"))
    assert len(named(app)) == 1


def test_a_method_is_not_named_for_another_of_its_class(app: Flask) -> None:
    class Mixed(MethodView):
        init_every_request = False

        @public
        def get(self, word: str) -> str:
            return word

        @FOR_ADMINS
        def post(self, word: str) -> str:
            return word

    add(app, Mixed.as_view("mixed"))
    assert named(app) == []


def test_no_view_is_named_for_what_the_app_or_a_blueprint_leads_to(app: Flask) -> None:
    pages = Blueprint("pages", __name__)
    held: list[Any] = [app, pages, current_app, current_user, db, SAFE_METHODS, app.jinja_env]

    @pages.get("/closed")
    @FOR_ADMINS
    def closed() -> str:
        return ""

    app.add_url_rule("/open", "open", public(lambda: str(held)))
    app.register_blueprint(pages)
    assert named(app) == []


def test_no_code_of_an_object_runs(app: Flask) -> None:
    asked = []

    class Asked:
        def __getattribute__(self, name: str) -> Any:
            asked.append(name)
            return object.__getattribute__(self, name)

    held = Asked()
    held.view = FOR_ADMINS(lambda: "")  # type: ignore[attr-defined]
    app.add_url_rule("/held", "held", lambda: str(held))
    asked.clear()
    assert (named(app), asked) == (["held"], [])


def test_the_first_request_in_development_warns_once(
    app: Flask, view: AnyView, caplog: pytest.LogCaptureFixture
) -> None:
    add(app, lossy(login_required(view)))
    client = app.test_client()
    client.get(PATH)
    client.get(PATH)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    # The 401 of such a view says in each line that it has no mark.
    hiding = [message for message in warned if " hides " in message]
    assert [message.startswith("probe hides ") for message in hiding] == [True]


def test_production_and_an_app_without_hidden_marks_are_quiet(
    make_app: MakeApp, view: AnyView, caplog: pytest.LogCaptureFixture
) -> None:
    for changes, decorate in ((PRODUCTION, lossy), ({}, with_wraps)):
        app = make_app(**changes)
        add(app, decorate(login_required(view)))
        app.test_client().get("/healthz")
    assert " hides " not in caplog.text
