"""`@responds` and `@consumes`: declare the bodies of a view, for the checks and for OpenAPI."""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from secure_flask.web.csrf import SENT_BY_FORMS
from secure_flask.web.view_options import Content, Decorated, add_options


def _drop_defaults(schema: dict[str, Any]) -> None:
    # No code fills in a default in a response. Client generators would read a default as a promise
    # that the member is there.
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


class ResponseBody(BaseModel):
    """The base class of response models, without undeclared members: `class Me(ResponseBody)`.

    A response may lack a member with a default.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra=_drop_defaults)


class LoginResponse(ResponseBody):
    """The body of a login, such as `LoginResponse(token_type="session", expires_in=43200)`.

    `token_type` is "session" for a login by cookie, which has no `token`, or "Bearer". `expires_in`
    is in seconds. Only signed tokens have a `refresh_token`.
    """

    token: str = ""
    token_type: str
    expires_in: int  # seconds
    refresh_token: str = ""


class SecondFactorRequired(ResponseBody):
    """The password was right, and nobody is logged in before the second factor is shown."""

    tf_required: Literal[True]
    factors: list[str]
    tf_token: str


def responds(
    body: type[ResponseBody] | str | None, *errors: int, status: int = 200
) -> Callable[[Decorated], Decorated]:
    """Declare the responses of a view: `@responds(Me)`, `@responds("text/html")`, `@responds(None)`.

    A class describes the JSON; a text is a media type; `None` declares 204, a response without a
    body. `status` is the HTTP status of success, and each of `errors` the status of a failure:
    `@responds("text/html", status=303)` is a redirect.
    """
    content: Content = {}
    if body:
        content = {body: None} if isinstance(body, str) else {"application/json": body}
    status = status if content else 204
    return lambda view: add_options(view, responds=content, status=status, errors=errors)


def consumes(*media_types: str, max_size: int | None = None) -> Callable[[Decorated], Decorated]:
    """Declare the body types that a view reads itself: `@consumes("application/octet-stream")`.

    `max_size` is in bytes; the default is MAX_CONTENT_LENGTH. Other types get 415, a larger body
    413.

    :raises ValueError: for a type that a form on any site can send; see csrf.py.
    """
    for media_type in SENT_BY_FORMS.intersection(media_types):
        raise ValueError(
            f"@consumes({media_type!r}): a form of any site can send that. Write @consumes_form, "
            "which checks where a form comes from, or @csrf_exempt for a program that proves who it "
            "is by a signature."
        )
    # Without `max_size`, the limit of another decorator stays.
    limits = {"max_size": max_size} if max_size else {}
    return lambda view: add_options(view, consumes=dict.fromkeys(media_types), **limits)
