"""A half login travels as `tf_token` in the JSON of both steps."""

from typing import Annotated, Any

from pydantic import Field

from app.security.validation import Body, PlainText


class SecondStep(Body):
    """The JSON of a second step carries the half login."""

    tf_token: Annotated[PlainText, Field(max_length=100)]


class AnyStep(Body):
    """The JSON of a step that may be the first or the second one."""

    tf_token: Annotated[PlainText, Field(max_length=100)] | None = None


def sent(body: Body | None) -> str:
    """The secret of this request; `body` is its JSON, if it has any."""
    return (isinstance(body, SecondStep | AnyStep) and body.tf_token) or ""


def give(secret: str, lifetime: int) -> dict[str, Any]:
    """Return the members for the JSON response; `lifetime` is in seconds."""
    return {"tf_token": secret, "tf_expires_in": lifetime}


def expire() -> None:
    """Nothing to do: the client drops the token."""
