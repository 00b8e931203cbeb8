"""`@login_required`: only a logged-in user, `g.user`, may call the view.

Source: OWASP ASVS 8.3.1.
"""

from functools import wraps
from typing import Any, cast

from flask import current_app, g, request

from app.auth import tokens
from app.security.errors import error_response
from app.security.view_options import Decorated, add_options


def login_required(view: Decorated) -> Decorated:
    """Respond 401 without a valid credential, else set `g.user` and `g.grant`."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        grant = tokens.authenticate(request)
        if grant is None:
            raise error_response(401, "Authentication required")
        g.grant, g.user = grant, grant.user
        # For the log, which must not query the database.
        g.user_id = grant.user_id
        return current_app.ensure_sync(view)(*args, **kwargs)

    return cast(Decorated, add_options(wrapped, login_required=True))
