"""`@login_required`: a view that only a logged-in user reaches, as `g.user`.

Source: OWASP ASVS 8.3.1.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, g, request

from app.auth import tokens
from app.security.errors import refusal

View = TypeVar("View", bound=Callable[..., Any])


def login_required(view: View) -> View:
    """Answer 401 without a live credential, else set `g.user` and `g.grant`."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        grant = tokens.authenticate(request)
        if grant is None:
            return refusal(401, "Authentication required")
        g.grant, g.user = grant, grant.user
        # For the log, which must not have to ask the database.
        g.user_id = grant.user_id
        return current_app.ensure_sync(view)(*args, **kwargs)

    wrapped.login_required = True  # type: ignore[attr-defined]
    return cast(View, wrapped)
