"""The demands of closing marks, such as `@login_required`, met once for each request and login.

The check before the view covers all demands of the view. A marked function that is called later
checks its demand, which is compared by identity, only if nothing has checked it: below a decorator
that lost the mark, or in a helper.
"""

from collections.abc import Callable
from functools import partial

from flask import current_app, has_request_context
from secure_flask.auth.principal import current_principal, is_proved
from secure_flask.state import app_state
from secure_flask.web.closed_views import Demand
from secure_flask.web.view_options import marked_options, view_options


def demand_of_mark(view: object, mark: str, require: Callable[[], None]) -> Demand:
    """The demand of a mark; the same object if the function has the mark already, in any app.

    `require` raises an exception if the caller of a request may not go on.
    """
    known = {each.mark: each for each in marked_options(view).demands}
    return known.get(mark) or Demand(mark, name_of_view(view), partial(_check_once, require))


def _check_once(require: Callable[[], None], demand: Demand) -> None:
    """
    :raises ErrorResponse: 401 or 403, the caller of this request may not call the function.
    :raises RuntimeError: there is no request, or the app is not protected.
    """
    if is_proved(demand):
        return
    if not has_request_context():
        raise RuntimeError(
            f"{demand.function} is marked {demand.mark} and was called outside a request, where "
            "nobody is logged in. For a command or a job, move its code to a function without a "
            "mark, and call that. In a test, send a request by the client."
        )
    # This raises RuntimeError if the app is not protected.
    app_state(current_app)
    options = view_options()
    # The view may be a public method of a class, which has this demand by `decorators`.
    if options.access != "public" or demand not in options.demands:
        require()
        current_principal().proved.add(demand)


def name_of_view(view: object) -> str:
    """The name of a function for messages, or of the class of another callable."""
    named = view if hasattr(view, "__qualname__") else type(view)
    return f"{named.__module__}.{named.__qualname__}"
