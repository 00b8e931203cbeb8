"""What decorators note on views, and that each of them works on every kind of view."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from app.auth.access import login_required
from app.security.csp import csp
from app.security.csp_syntax import SELF
from app.security.csrf import exempt
from app.security.hosts import probe
from app.security.rate_limits import limited
from app.security.responses import ResponseBody, consumes, responds
from app.security.validation import Body, validated
from app.security.view_options import ViewOptions, options_of, view_options
from tests.conftest import MakeApp

OCTETS = "application/octet-stream"


class Note(Body):
    text: str


class Kept(ResponseBody):
    text: str


class Notes(MethodView):
    """A view whose methods differ in all that decorators say."""

    @probe
    @responds(Kept)
    @csp(img_src=[SELF])
    def get(self, number: int) -> ResponseReturnValue:
        return {"text": str(number)}

    @limited("1 per hour")
    @validated(Note)
    def post(self, note: Note, number: int) -> ResponseReturnValue:
        return {"text": f"{note.text} {number}"}

    @exempt
    @consumes(OCTETS)
    def put(self, number: int) -> ResponseReturnValue:
        return "", 204

    @login_required
    def delete(self, number: int) -> ResponseReturnValue:
        return "", 204


class Private(MethodView):
    decorators = [login_required]  # noqa: RUF012 (Flask's own way)

    def get(self) -> ResponseReturnValue:
        return ""


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.add_url_rule("/notes/<int:number>", view_func=Notes.as_view("notes"))
    app.add_url_rule("/private", view_func=Private.as_view("private"))
    return app


def test_each_method_of_a_class_has_its_own_options(app: Flask) -> None:
    view = app.view_functions["notes"]
    options = {method: options_of(view, method) for method in ("HEAD", "POST", "PUT", "DELETE")}
    assert options["HEAD"].probe
    assert options["HEAD"].csp == {"img-src": [SELF]}
    assert options["HEAD"].responds == {"application/json": Kept}
    assert options["POST"].limited
    assert options["POST"].consumes == {"application/json": Note}
    assert options["PUT"].csrf_exempt
    assert options["PUT"].consumes == {OCTETS: None}
    assert options["DELETE"] == ViewOptions(login_required=True)


def test_a_class_takes_requests_as_its_methods_are_decorated(client: FlaskClient) -> None:
    elsewhere = {"Host": "other.example", "Origin": "https://evil.example"}
    assert client.get("/notes/1", headers=elsewhere).status_code == 200
    posted = client.post("/notes/1", json={"text": "a"})
    assert (posted.status_code, posted.json) == (200, {"text": "a 1"})
    assert client.post("/notes/1", json={"text": "a"}).status_code == 429
    put = {"data": b"a", "content_type": OCTETS, "headers": {"Origin": "https://evil.example"}}
    assert client.put("/notes/1", **put).status_code == 204
    assert client.put("/notes/1", json={}).status_code == 204
    assert client.delete("/notes/1").status_code == 401
    assert client.get("/private").status_code == 401


def test_where_no_view_is_found_the_defaults_hold(app: Flask) -> None:
    with app.test_request_context("/nowhere"):
        assert view_options() == ViewOptions()


DECORATORS: list[Any] = [
    *(login_required, probe, exempt, limited("1 per hour"), csp(img_src=[SELF])),
    *(validated(Note), responds(Kept), consumes(OCTETS)),
]


def test_a_class_itself_is_refused_when_it_is_decorated(subtests: pytest.Subtests) -> None:
    for decorator in DECORATORS:
        with (
            subtests.test(decorator),
            pytest.raises(TypeError, match=r"decorate its methods|takes none"),
        ):
            decorator(Private)


def test_a_view_without_an_argument_for_its_body_is_refused() -> None:
    with pytest.raises(TypeError, match=r"gives .* its body as the first argument"):
        validated(Note)(lambda: "")
    with pytest.raises(TypeError, match="decorate the method"):
        validated(Note)(Notes.as_view("notes"))
