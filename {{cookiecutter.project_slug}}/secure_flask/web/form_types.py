"""Recognises a form: a request that a page of any site can send without a preflight.

Source: Fetch Standard, "CORS-safelisted request-header".
"""

import flask
from flask import Request
from secure_flask.web.view_options import view_options

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
# What a view marked `@consumes_form` takes.
FORM_TYPES = (URLENCODED, MULTIPART)
# A body without a type may be a form's too.
SENT_BY_FORMS = frozenset({*FORM_TYPES, "text/plain", ""})


def is_form(request: Request) -> bool:
    """Whether a form of any site could have sent this; without fields it has a type and no body."""
    return request.mimetype in SENT_BY_FORMS and (bool(request.mimetype) or has_body(request))


def is_consumed_form(request: Request = flask.request) -> bool:
    """Whether this is a form, and its view consumes it."""
    return is_form(request) and request.mimetype in (view_options(request).consumes or {})


def has_body(request: Request) -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
