"""What a view gets of an HTML form: all of it, or nothing."""

from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, render_template_string, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect, FlaskForm
from flask_wtf.file import FileField
from secure_flask.auth.access import login_required, public, recent_login, roles_required
from secure_flask.web.csrf import FORM_TYPES
from secure_flask.web.forms import consumes_form, one_line, or_form
from secure_flask.web.origins import PolicyError
from secure_flask.web.validation import Body, validated
from werkzeug.test import TestResponse
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from core.conftest import MakeApp, log_in, protect

URLENCODED, MULTIPART = FORM_TYPES
OWN = {"Origin": "http://localhost"}
FORM, PRIVATE, UPLOAD = "/_test/form", "/_test/private", "/_test/upload"
EITHER, NOTE = "/_test/either", "/_test/note"
MAX_UPLOAD = 2**21  # bytes
MAX_FIELDS = 1000  # the default of Flask
NOT_ONE_LINE = "Contains control characters."
PAGE = """
<form method="post">
  {{ form.hidden_tag() }}
  {{ form.csrf_token }}{{ csrf_token() }}
  {% for field in form %}{{ field }}{{ field.errors }}{% endfor %}
</form>
"""


class NoteForm(FlaskForm):
    title = StringField("Title", [one_line, DataRequired("Enter a title.")])
    notes = TextAreaField("Notes", [Length(max=2000)])
    file = FileField("File")


class Note(Body):
    title: str


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with views that repeat what their form contains."""
    app = make_app()

    def repeat() -> ResponseReturnValue:
        files = [(name, each.filename) for name, each in request.files.items(multi=True)]
        return {"fields": list(request.form.items(multi=True)), "files": files}

    app.add_url_rule(FORM, "form", public(consumes_form(lambda: repeat())), methods=["POST"])

    @app.post(UPLOAD)
    @public
    @consumes_form(max_size=MAX_UPLOAD)
    def upload() -> ResponseReturnValue:
        files = [each for _, each in request.files.items(multi=True)]
        on_disk = [getattr(each.stream, "_rolled", None) for each in files]
        return {"sizes": [len(each.read()) for each in files], "on_disk": on_disk}

    def edit() -> ResponseReturnValue:
        form = NoteForm(prefix=request.args.get("prefix", ""))
        if form.validate_on_submit():
            return {"title": form.title.data, "notes": form.notes.data}
        return render_template_string(PAGE, form=form), 422 if form.is_submitted() else 200

    for path, mark in ((NOTE, public), (PRIVATE, login_required)):
        view = mark(consumes_form(lambda: edit()))
        app.add_url_rule(path, path, view, methods=["GET", "POST"])

    @app.post(EITHER)
    @public
    @or_form(lambda: "form")
    @validated(Note)
    def either(note: Note) -> str:
        return "JSON"

    return app


def post(client: FlaskClient, body: bytes, content_type: str, path: str = FORM) -> TestResponse:
    """Post a body as gunicorn hands it on: it ends where the client was gone."""
    return client.post(path, data=body, content_type=content_type, headers=OWN)


def part(*headers: str, value: bytes = b"a") -> bytes:
    return b"--x\r\n" + "\r\n".join(headers).encode("latin-1") + b"\r\n\r\n" + value + b"\r\n"


def field(name: str = "title", value: bytes = b"a") -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"', value=value)


def file(name: str = "a.txt", value: bytes = b"a", field: str = "file") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{field}"; filename="{name}"'
    return part(disposition, "Content-Type: text/plain", value=value)


END = b"--x--\r\n"
OF_X = f"{MULTIPART}; boundary=x"


@pytest.mark.asvs("3.5.2")
def test_a_view_takes_both_types_of_form_and_nothing_else(client: FlaskClient) -> None:
    expected = {"fields": [["title", "a b"], ["title", "\u00e9"]], "files": []}
    assert post(client, b"title=a+b&title=%C3%A9", URLENCODED).json == expected
    body = field(value=b"a b") + field(value="\u00e9".encode()) + END
    assert post(client, body, OF_X).json == expected
    assert post(client, b"{}", "application/json").status_code == 415


def test_a_view_takes_a_form_or_json_each_in_its_own_way(client: FlaskClient) -> None:
    assert post(client, b"title=a", URLENCODED, EITHER).text == "form"
    assert post(client, field() + END, OF_X, EITHER).text == "form"
    assert client.post(EITHER, json={"title": "a"}).text == "JSON"
    assert client.post(EITHER, json={}).status_code == 400
    assert post(client, b"a", "text/plain", EITHER).status_code == 415


UNREADABLE = {
    "no boundary": (MULTIPART, field() + END),
    "an empty boundary": (f"{MULTIPART}; boundary=", field() + END),
    "a boundary that is not ASCII": (f"{MULTIPART}; boundary=\u00e9", field() + END),
    "another boundary": (f"{MULTIPART}; boundary=y", field() + END),
    "cut off in the headers": (OF_X, field() + b"--x\r\nContent-Disp"),
    "cut off in a value": (OF_X, field() + field()[:-3]),
    "cut off in a file": (OF_X, field() + file(value=b"a" * 60_000)[:-3]),
    "no final boundary": (OF_X, field() + file()),
    "no disposition": (OF_X, part("Content-Type: text/plain") + END),
    "no name": (OF_X, part("Content-Disposition: form-data") + END),
    "a file without a name": (OF_X, part('Content-Disposition: form-data; filename="a"') + END),
    "a value that is not UTF-8": (OF_X, field(value=b"\xff") + END),
    "a name that is not UTF-8": (OF_X, field("\xff") + END),
    "a file name that is not UTF-8": (OF_X, file("\xff") + END),
    "bytes that are not UTF-8": (URLENCODED, b"title=\xff"),
    "percent-encoded bytes that are not UTF-8": (URLENCODED, b"title=%ff"),
    "a percent-encoded name that is not UTF-8": (URLENCODED, b"%ff=a"),
    "a percent-encoded surrogate": (URLENCODED, b"title=%ed%a0%80"),
    "an overlong encoding": (URLENCODED, b"title=%c0%80"),
}


@pytest.mark.asvs("16.5.3")
def test_a_form_that_is_not_whole_is_400(client: FlaskClient) -> None:
    sent = {case: post(client, body, kind) for case, (kind, body) in UNREADABLE.items()}
    assert {case: answer.status_code for case, answer in sent.items()} == dict.fromkeys(sent, 400)


def broken(size: int) -> bytes:
    raise ArithmeticError("a chunk of no length")  # servers have exceptions of their own


@pytest.mark.parametrize("content_type", [URLENCODED, OF_X])
def test_a_form_whose_client_was_gone_is_400(client: FlaskClient, content_type: str) -> None:
    body = b"title=a&notes=b" if content_type == URLENCODED else field() + file() + END
    streams = (BytesIO(body[:-5]), SimpleNamespace(read=broken, readinto=broken))
    stated = {"CONTENT_LENGTH": str(len(body)), "wsgi.input_terminated": True}
    environs = [stated | {"wsgi.input": each, "CONTENT_TYPE": content_type} for each in streams]
    answers = [client.post(FORM, environ_overrides=each, headers=OWN) for each in environs]
    assert [answer.status_code for answer in answers] == [400, 400]


@pytest.mark.parametrize("control", ["\0", "\x07", "\x1b", "\x7f", "\x85"])
def test_control_characters_are_400(client: FlaskClient, control: str) -> None:
    encoded = control.encode()
    quoted = "".join(f"%{byte:02x}" for byte in encoded).encode()
    in_header = encoded.decode("latin-1")
    bodies = {
        "a value": (URLENCODED, b"title=" + quoted),
        "a name": (URLENCODED, quoted + b"=a"),
        "a line break in a name": (URLENCODED, b"a%0ab=c"),
        "a tab in a name": (URLENCODED, b"a%09=c"),
        "a later value": (URLENCODED, b"title=a&title=" + quoted),
        "a part": (OF_X, field(value=encoded) + END),
        "a part's name": (OF_X, field(f"a{in_header}") + END),
        "a file name": (OF_X, file(f"a{in_header}") + END),
        "a later file name": (OF_X, file() + file(f"a{in_header}") + END),
    }
    got = {case: post(client, body, kind).status_code for case, (kind, body) in bodies.items()}
    assert got == dict.fromkeys(bodies, 400)


def test_values_may_have_several_lines_and_any_language(client: FlaskClient) -> None:
    text = "one\r\n\ttwo\nthree \u0645\u0631\u062d\u0628\u0627 \U0001f469\u200d\U0001f680 & = + %"
    sent = {"data": {"notes": text}, "headers": OWN}
    answers = {kind: client.post(FORM, content_type=kind, **sent).json for kind in FORM_TYPES}
    assert answers == {kind: {"fields": [["notes", text]], "files": []} for kind in FORM_TYPES}


def too_large(answer: TestResponse) -> str | None:
    """What a refusal says is the limit; None if the form was taken."""
    if answer.status_code == 200:
        return None
    assert answer.status_code == 413
    return str((answer.json or {})["error"]).removeprefix("Too large: at most ")


TOO_MANY = "1,000 fields and files, and 500 kB in a field"


@pytest.mark.asvs("16.5.3")
@pytest.mark.parametrize(
    ("content_type", "one", "end"),
    [
        (URLENCODED, b"a=b&", b"a=b"),
        (URLENCODED, b"&", b""),  # fields without a value count too
        (OF_X, field("a"), field("a") + END),
        (OF_X, file("a"), file("a") + END),
        (OF_X, file("a"), field("a") + END),
    ],
)
def test_a_form_has_at_most_a_thousand_fields_and_files(
    client: FlaskClient, content_type: str, one: bytes, end: bytes
) -> None:
    # More than MAX_CONTENT_LENGTH may be needed for so many parts.
    sent = [one * (MAX_FIELDS - 1) + end, one * MAX_FIELDS + end]
    limits = [too_large(post(client, body, content_type, UPLOAD)) for body in sent]
    assert limits == [None, TOO_MANY]


@pytest.mark.parametrize(
    ("content_type", "start", "end"), [(URLENCODED, b"a=", b""), (OF_X, file()[:-2], b"\r\n" + END)]
)
def test_a_form_is_limited_as_any_body_unless_its_view_says_more(
    client: FlaskClient, content_type: str, start: bytes, end: bytes
) -> None:
    most = client.application.config["MAX_CONTENT_LENGTH"]
    fitting = start + b"b" * (most - len(start + end)) + end
    larger = start + b"b" * (most + 1 - len(start + end)) + end
    assert too_large(post(client, fitting, content_type)) is None
    assert too_large(post(client, larger, content_type)) == "64 kB"
    assert too_large(post(client, larger, content_type, UPLOAD)) is None
    # In chunks, nothing says how long it is.
    environ = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    chunked = [
        client.post(FORM, environ_overrides={**environ, "wsgi.input": BytesIO(body)}, headers=OWN)
        for body in (start + b"b" * 9 + end, larger)
    ]
    assert [too_large(answer) for answer in chunked] == [None, "64 kB"]


def test_what_is_kept_in_memory_stays_small_and_large_files_go_to_disk(client: FlaskClient) -> None:
    large = b"b" * 500_001
    assert too_large(post(client, b"a=" + large, URLENCODED, UPLOAD)) == "500 kB"
    assert too_large(post(client, field(value=large) + END, OF_X, UPLOAD)) == TOO_MANY
    largest = file(value=b"a" * MAX_UPLOAD) + END
    assert too_large(post(client, largest, OF_X, UPLOAD)) == "2 MB"
    # Each by itself, since a form may have a thousand.
    body = file(value=b"a") + file(value=b"\0" * 20_000) + END
    expected = {"sizes": [1, 20_000], "on_disk": [False, True]}
    assert post(client, body, OF_X, UPLOAD).json == expected


def test_a_flask_form_works_as_its_users_know_it(client: FlaskClient) -> None:
    fields = {"title": "a", "notes": "one\r\ntwo"}
    assert client.get(NOTE).status_code == 200
    assert client.post(NOTE, data=fields, headers=OWN).json == fields
    empty = client.post(NOTE, data={**fields, "title": ""}, headers=OWN)
    assert (empty.status_code, "Enter a title." in empty.text) == (422, True)
    two_lines = client.post(NOTE, data={**fields, "title": "a\nb"}, headers=OWN)
    assert (two_lines.status_code, NOT_ONE_LINE in two_lines.text) == (422, True)


def test_a_file_in_place_of_a_text_is_refused_with_the_field(client: FlaskClient) -> None:
    # A text of one line, and one of several.
    assert post(client, file("a.txt", field="title") + END, OF_X, NOTE).status_code == 422
    assert post(client, file("", field="title") + END, OF_X, NOTE).status_code == 422
    answer = post(client, field("title") + file(field="notes") + END, OF_X, NOTE)
    assert (answer.status_code, "A file is no text." in answer.text) == (422, True)


@pytest.mark.asvs("3.5.1")
def test_a_form_prints_and_needs_no_token_and_visitors_get_no_cookie(client: FlaskClient) -> None:
    page = client.get(NOTE)
    assert (page.status_code, "csrf_token" in page.text) == (200, False)
    assert "Set-Cookie" not in page.headers
    assert "Set-Cookie" not in client.post(NOTE, data={"title": "a"}, headers=OWN).headers
    # The same holds for a user.
    log_in(client)
    assert "csrf_token" not in client.get(PRIVATE).text
    sent = {"title": "a", "csrf_token": "of an old page"}
    assert client.post(PRIVATE, data=sent, headers=OWN).status_code == 200


@pytest.mark.parametrize("before_the_core", [False, True])
def test_a_form_of_an_extension_needs_no_token_either(before_the_core: bool) -> None:
    app = Flask("shop")
    steps: list[Any] = [CSRFProtect, protect] if before_the_core else [protect, CSRFProtect]
    for step in steps:
        step(app)
    app.add_url_rule(FORM, view_func=public(consumes_form(lambda: "sent")), methods=["POST"])
    client = app.test_client()
    assert client.post(FORM, data={"a": "b"}, headers=OWN).text == "sent"
    assert client.post(FORM, data={"a": "b"}, headers={"Origin": "null"}).status_code == 403


def test_the_owner_chooses_how_many_fields_a_form_has(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    app = make_app(MAX_FORM_PARTS=2)
    app.add_url_rule(FORM, view_func=public(consumes_form(lambda: "sent")), methods=["POST"])
    for kind, bodies in (
        (URLENCODED, (b"a=b&a=b", b"a=b&a=b&a=b")),
        (OF_X, (field() * 2 + END, field() * 3 + END)),
    ):
        with subtests.test(kind=kind, bodies=bodies):
            sent = [post(app.test_client(), body, kind) for body in bodies]
            assert [answer.status_code for answer in sent] == [200, 413]
            assert "at most 2 fields and files" in sent[1].text
    for name in ("MAX_FORM_PARTS", "MAX_FORM_MEMORY_SIZE"):
        with subtests.test(name=name), pytest.raises(PolicyError, match=f"{name}: write a number"):
            make_app(fill=False, **{name: None})


@pytest.mark.parametrize("mark", [public, login_required, recent_login, roles_required("admin")])
def test_a_form_handler_with_a_mark_of_access_is_refused(mark: Any) -> None:
    handler = mark(lambda: "form")
    with pytest.raises(TypeError, match="put the mark on the view below @or_form"):
        or_form(handler)


def test_a_page_for_a_refused_form_may_contain_a_form(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule(FORM, view_func=public(consumes_form(lambda: "")), methods=["POST"])
    for status in (400, 413):
        app.register_error_handler(
            status, lambda error: (render_template_string(PAGE, form=NoteForm()), error.code)
        )
    refused = {
        (b"a=%ff", URLENCODED): 400,
        (b"&" * MAX_FIELDS, URLENCODED): 413,
        (b"a" * 100_000, URLENCODED): 413,
        (field() + file(), OF_X): 400,
    }
    answers = [post(app.test_client(), *form) for form in refused]
    assert [answer.status_code for answer in answers] == list(refused.values())
    assert ['name="title"' in answer.text for answer in answers] == [True] * 4


def test_a_body_is_read_only_after_the_login_is_checked(client: FlaskClient) -> None:
    # A stranger must not keep the server busy with a large form.
    assert post(client, b"a=%ff", URLENCODED, PRIVATE).status_code == 401
    assert post(client, field(), OF_X, PRIVATE).status_code == 401
