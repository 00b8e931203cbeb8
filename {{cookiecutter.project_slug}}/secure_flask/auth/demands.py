"""The demands of closing marks, such as `@login_required`, met once for each request and login.

The check before the view covers all demands of the view. A marked function that is called later
checks its demand, which is compared by identity, only if nothing has checked it: below a decorator
that lost the mark, or in a helper.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import current_app, has_request_context, request
from secure_flask.auth.current_login import is_proved_of_login, keep_proved_of_login
from secure_flask.state import Key, app_state, request_state
from secure_flask.web import closed_views
from secure_flask.web.view_options import marked_options

# The demands of a closed class, which do not apply to its public method.
_WAIVED = Key[tuple[closed_views.Demand, ...]]("waived demands")


@dataclass(frozen=True, eq=False)
class Demand:
    """One closing mark on one function."""

    mark: str
    function: str
    # This function raises an exception if the caller may not go on.
    require: Callable[[], None]

    def __call__(self) -> None:
        """
        :raises ErrorResponse: 401 or 403, the caller of this request may not call the function.
        :raises RuntimeError: there is no request, or the app is not protected.
        """
        if not is_proved_of_login(self):
            self._prove()

    def _prove(self) -> None:
        if not has_request_context():
            raise RuntimeError(
                f"{self.function} is marked {self.mark} and was called outside a request, where "
                "nobody is logged in. For a command or a job, move its code to a function without "
                "a mark, and call that. In a test, send a request by the client."
            )
        # This raises RuntimeError if the app is not protected.
        app_state(current_app)
        waived = request_state(request.environ).get(_WAIVED) or ()
        if self not in waived:
            self.require()
            keep_proved_of_login([self])


def demand_of_mark(view: object, mark: str, require: Callable[[], None]) -> Demand:
    """The demand of a mark; the same object if the function has the mark already, in any app."""
    known = {each.mark: each for each in marked_options(view).demands if isinstance(each, Demand)}
    return known.get(mark) or Demand(mark, name_of_view(view), require)


def waive_demands(demands: Iterable[closed_views.Demand]) -> None:
    """Waive these demands in this request, for every caller."""
    request_state(request.environ)[_WAIVED] = tuple(demands)


def name_of_view(view: object) -> str:
    """The name of a function for messages, or of the class of another callable."""
    named = view if hasattr(view, "__qualname__") else type(view)
    return f"{named.__module__}.{named.__qualname__}"
