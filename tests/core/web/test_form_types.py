"""Which requests are forms: what a page of any site sends without asking first."""

import pytest
from flask import Flask
from secure_flask.web.form_types import is_form

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (URLENCODED, b"a=b", True),
        (f"{MULTIPART}; boundary=x", b"--x--", True),
        ("text/plain; charset=utf-8", b"a=b", True),
        (None, b"a=b", True),
        # Such as the button that logs out.
        (URLENCODED, b"", True),
        (None, b"", False),
        ("application/json", b"{}", False),
        ("image/png", b"\x89", False),
    ],
)
def test_a_form_is_known_by_its_type_or_by_a_body_without_one(
    app: Flask, content_type: str | None, body: bytes, expected: bool
) -> None:
    with app.test_request_context(method="POST", data=body, content_type=content_type) as context:
        assert is_form(context.request) == expected


def test_a_body_without_a_length_is_a_body(app: Flask) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    with app.test_request_context(method="POST", headers=chunked) as context:
        assert is_form(context.request)
