"""What the token types have in common that a client sends as `Authorization: Bearer`."""

from typing import Any


def forget() -> None:
    """Nothing: the client holds the token itself."""


def security_scheme() -> dict[str, Any]:
    """The OpenAPI security scheme."""
    return {"bearer": {"type": "http", "scheme": "bearer"}}
