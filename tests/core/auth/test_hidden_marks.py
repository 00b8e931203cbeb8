"""A mark that the view of its endpoint does not show is named in development, once."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from secure_flask import login_required, public, roles_required

from core.auth.ways_to_register import (
    ENDPOINT,
    PATH,
    WAYS,
    AnyView,
    add,
    caching,
    lossy,
)
from core.conftest import OWN_PAGE, PRODUCTION, MakeApp, give_roles, log_in

FOR_ADMINS = roles_required("admin")

Named = Callable[[], list[str]]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    give_roles(app, "admin")
    return app


def open_as_admin(app: Flask, *paths: str) -> None:
    client = app.test_client()
    log_in(client)
    for path in paths:
        client.get(path, headers=OWN_PAGE)


@pytest.fixture
def view() -> AnyView:
    """A new one each time, since a mark stays on its function."""

    def view(word: str) -> str:
        return word

    return view


@pytest.fixture
def named(caplog: pytest.LogCaptureFixture) -> Named:
    """What the log says of hidden marks."""
    return lambda: [each for each in map(str, caplog.messages) if " hides " in each]


@pytest.mark.parametrize("name", WAYS)
def test_an_endpoint_is_named_exactly_if_its_view_hides_the_mark(
    app: Flask, view: AnyView, named: Named, name: str
) -> None:
    WAYS[name].register(app, FOR_ADMINS, view)
    open_as_admin(app, PATH)
    endpoints = [message.partition(" hides ")[0].removeprefix("probes.") for message in named()]
    assert endpoints == ([ENDPOINT] if WAYS[name].hides else [])


def test_it_is_named_once_with_its_function_and_its_mark(
    app: Flask, view: AnyView, named: Named
) -> None:
    add(app, lossy(FOR_ADMINS(view)))
    open_as_admin(app, PATH, PATH)
    [message] = named()
    assert message.startswith(f"probe hides {__name__}.view.<locals>.view, which is marked @roles_")


def test_so_is_one_below_a_cache_that_answers_for_it(
    app: Flask, view: AnyView, named: Named
) -> None:
    add(app, public(caching(FOR_ADMINS(view))))
    open_as_admin(app, PATH)
    assert len(named()) == 1


def test_a_marked_helper_is_named_for_each_endpoint_that_calls_it(
    app: Flask, view: AnyView, named: Named
) -> None:
    marked = FOR_ADMINS(view)

    def helped(word: str) -> Any:
        return marked(word)

    for endpoint in ("first", "second"):
        app.add_url_rule(f"/{endpoint}/<word>", endpoint, login_required(helped))
    open_as_admin(app, "/first/a", "/second/a")
    assert [message.partition(" hides ")[0] for message in named()] == ["first", "second"]


def test_production_names_none(make_app: MakeApp, view: AnyView, named: Named) -> None:
    app = make_app(**PRODUCTION)
    add(app, public(lossy(login_required(view))))
    answer = app.test_client().get(PATH, base_url="https://localhost")
    assert (answer.status_code, named()) == (401, [])
