"""The names in `/openapi.json` by which generators of clients call their functions."""

import re
from functools import partial, wraps
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from secure_flask import testing
from secure_flask.auth.access import login_required, public, roles_required

from core.conftest import MakeApp
from core.test_openapi import described, operations

# Source: spectral's rule `operation-operationId-valid-in-url`; letters that each language has.
ID = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


def view() -> str:
    return ""


def ids(app: Flask) -> dict[tuple[str, str], str]:
    """The operation ids by method and path."""
    return {
        (method, path): operation["operationId"]
        for method, path, operation in operations(described(app))
    }


def summary(app: Flask, path: str, method: str = "get") -> tuple[str, str]:
    """The summary of a route, and its description without who may call it."""
    operation = described(app)["paths"][path][method]
    return operation["summary"], operation["description"].rpartition("May be called by")[0].strip()


def test_an_operation_is_named_by_its_endpoint(app: Flask) -> None:
    shop = Blueprint("shop", __name__, url_prefix="/shop")
    shop.add_url_rule("/orders", "list_orders", view)
    shop.add_url_rule("/orders", "create_order", lambda: "", methods=["POST"])
    app.register_blueprint(shop)
    app.add_url_rule("/form", "form", view, methods=["GET", "POST"])
    expected = {
        ("get", "/shop/orders"): "shop.list_orders",
        ("post", "/shop/orders"): "shop.create_order",
        ("get", "/form"): "form.get",
        ("post", "/form"): "form.post",
    }
    assert expected.items() <= ids(app).items()


def test_an_endpoint_of_several_paths_has_an_id_for_each(app: Flask) -> None:
    for path in ("/-", "/get", "/a-b", "/a/<int:b>", "/.well-known/a"):
        app.add_url_rule(path, "several", view)
    app.add_url_rule("/get", "several", view, methods=["POST"])
    named = ids(app)
    assert named["get", "/-"] == "several.get.root"
    assert named["get", "/a-b"] == "several.get.a_b"
    assert (named["get", "/get"], named["post", "/get"]) == ("several.get.get", "several.post")
    assert named["get", "/a/{b}"] == "several.get.a_int_b"
    assert named["get", "/.well-known/a"] == "several.get.well_known_a"


def test_no_order_of_registration_changes_an_id(make_app: MakeApp) -> None:
    rules = [("/x", ["GET"]), ("/x/<y>", ["GET"]), ("/x", ["POST"])]
    named = []
    for order in (rules, rules[::-1]):
        app = make_app()
        for path, methods in order:
            app.add_url_rule(path, "ordered", view, methods=methods)
        named.append(ids(app))
    assert named[0] == named[1]


def test_every_id_is_unique_and_has_letters_that_each_generator_takes(app: Flask) -> None:
    odd = ["größe", "grösse", "设置", "设定", "a b", "a-b", "/a/b", "a/b", "-", "ends.get"]
    for number, endpoint in enumerate(odd):
        # Through the map, since Flask refuses a dot.
        app.view_functions[endpoint] = view
        app.url_map.add(app.url_rule_class(f"/{number}", methods={"GET"}, endpoint=endpoint))
    app.add_url_rule("/ends", "ends", view, methods=["GET", "POST"])
    for path in ("/p-q", "/p_q", "/p/q"):
        app.add_url_rule(path, "alike", view)
    found = list(ids(app).values())
    assert [each for each in found if not ID.fullmatch(each)] == []
    assert len(found) == len(set(found))
    assert "root.2" not in found, "A name of another script has an id of its own."


def test_an_operation_has_the_tag_of_its_blueprint_or_of_the_app(app: Flask) -> None:
    shop, inner = Blueprint("shop", __name__), Blueprint("inner", __name__)
    inner.add_url_rule("/inner", "show", view)
    shop.add_url_rule("/shop", "show", view)
    shop.register_blueprint(inner)
    app.register_blueprint(shop)
    app.add_url_rule("/alone", "alone", view)
    document = described(app)
    tags = {path: document["paths"][path]["get"]["tags"] for path in ("/shop", "/inner", "/alone")}
    assert tags == {"/shop": ["shop"], "/inner": ["shop.inner"], "/alone": [app.name]}
    used = {tag for *_, operation in operations(document) for tag in operation["tags"]}
    assert [each["name"] for each in document["tags"]] == sorted(used)


ALL_ORDERS = "List all orders of a shop"
DOCSTRINGS = {
    "List all orders of a shop. Old ones too.": (ALL_ORDERS, "Old ones too."),
    "List all orders\nof a shop. Old ones too.": (ALL_ORDERS, "Old ones too."),
    "List all orders of a shop\n\nOld ones too.": (ALL_ORDERS, "Old ones too."),
    "List all orders of a shop.\nOld ones too.": (ALL_ORDERS, "Old ones too."),
    "List.\n\nNew.\n\nAt most a hundred.\n\n:raises Forbidden: no.": (
        "List",
        "New.\n\nAt most a hundred.",
    ),
    # A point within a sentence does not end it.
    "Add 1.5 % of it, e.g. as in no. 5 here": ("Add 1.5 % of it, e.g. as in no. 5 here", ""),
}


@pytest.mark.parametrize("docstring", DOCSTRINGS)
def test_the_summary_is_the_first_sentence(
    app: Flask, docstring: str, subtests: pytest.Subtests
) -> None:
    def other(view: Any) -> Any:
        return wraps(view)(lambda: view())

    def documented() -> str:
        return ""

    documented.__doc__ = docstring
    decorated = roles_required("boss")(other(login_required(documented)))
    for path, function in {"/documented": documented, "/decorated": decorated}.items():
        with subtests.test(path=path, function=function):
            app.add_url_rule(path, path, function)
            first, others = summary(app, path)
            assert (first.rstrip("."), others) == DOCSTRINGS[docstring]


def test_a_view_without_a_docstring_has_the_words_of_its_endpoint(app: Flask) -> None:
    class Caller:
        """Words for those who read the code."""

        def __call__(self) -> str:
            return ""

    class Orders(MethodView):
        def get(self) -> str:
            return ""

        def post(self) -> str:
            """Add one."""
            return ""

    app.add_url_rule("/plain", "list_new_PDFs", view)
    app.add_url_rule("/unnamed", "_", view)
    app.add_url_rule("/partial", "part", partial(view))
    app.add_url_rule("/instance", "instance", Caller())
    app.add_url_rule("/class", "orders", Orders.as_view("orders"))
    words = {"/partial": "Part", "/instance": "Instance", "/class": "Orders"}
    words["/plain"] = "List new PDFs"
    assert {path: summary(app, path) for path in words} == {
        path: (said, "") for path, said in words.items()
    }
    assert summary(app, "/unnamed")[0]
    assert summary(app, "/class", "post") == ("Add one.", "")


@pytest.mark.parametrize(
    ("mark", "who"),
    [
        (public, "everybody"),
        (login_required, "logged-in users"),
        (roles_required("boss"), "logged-in users with the role boss"),
    ],
)
def test_the_description_ends_with_who_may_call(app: Flask, mark: Any, who: str) -> None:
    app.add_url_rule("/marked", "marked", mark(lambda: ""))
    operation = described(app)["paths"]["/marked"]["get"]
    assert operation["description"] == f"May be called by {who}."


WITH_URL = {"PUBLIC_URL": "https://example.org"}


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "/"),
        ({"APPLICATION_ROOT": "/shop/"}, "/shop"),
        (WITH_URL, "https://example.org"),
        ({**WITH_URL, "APPLICATION_ROOT": "/shop"}, "https://example.org/shop"),
        ({"SERVER_NAME": "example.net", "PREFERRED_URL_SCHEME": "https"}, "https://example.net"),
    ],
)
def test_the_document_says_where_the_service_is(
    make_app: MakeApp, config: dict[str, str], url: str
) -> None:
    app = make_app()
    with testing.thawed(app, **config):
        assert described(app)["servers"] == [{"url": url}]


@pytest.mark.parametrize(
    ("contact", "kind"), [("a@example.org", "email"), ("https://example.org/ask", "url")]
)
def test_the_document_says_whom_to_ask(make_app: MakeApp, contact: str, kind: str) -> None:
    app = make_app(SECURITY_CONTACT=contact, PROJECT_NAME="Tools", DESCRIPTION="")
    info = described(app)["info"]
    assert info["contact"] == {"name": "Tools", kind: contact}
    assert "description" not in info
