"""The clock of an app: the real time, unless a test gives the app another clock."""

import time
from collections.abc import Callable

from flask import current_app
from secure_flask.state import StateKey, app_state

# It returns the seconds since 1970, as `time.time` does.
CLOCK = StateKey[Callable[[], float]]("clock")


def seconds_now() -> int:
    """The whole seconds since 1970, by the clock of this app."""
    clock = app_state(current_app).get(CLOCK) or time.time
    return int(clock())
