"""A half login travels in a cookie that no script can read."""

from typing import Any

from flask import Response, after_this_request, request

from app.security import cookies
from app.security.validation import Body

PURPOSE = "half"


class SecondStep(Body):
    """The JSON of a second step needs no member for the half login."""


class AnyStep(Body):
    """The JSON of a step that may be the first or the second one."""

    # False begins a new login although a half login exists.
    second_step: bool = True


def sent(body: Body | None) -> str:
    """The secret of this request; `body` is its JSON, if it has any."""
    if isinstance(body, AnyStep) and not body.second_step:
        return ""
    return request.cookies.get(cookies.name_of(PURPOSE), "")


def give(secret: str, lifetime: int) -> dict[str, Any]:
    """Send the secret; return the members for the JSON response."""

    def set_cookie(response: Response) -> Response:
        name = cookies.name_of(PURPOSE)
        response.set_cookie(name, secret, max_age=lifetime, **cookies.flags())
        return response

    after_this_request(set_cookie)
    return {}


def expire() -> None:
    def expire_cookie(response: Response) -> Response:
        response.delete_cookie(cookies.name_of(PURPOSE), **cookies.flags())
        return response

    after_this_request(expire_cookie)
