"""The clock of all apps in tests: it stands still, so no window of a limit ends within a test."""

from __future__ import annotations

import time

DAY = 24 * 60 * 60  # seconds


class StandingClock:
    """Shows the begin of the coming day, and goes on only where a test waits."""

    def __init__(self) -> None:
        self._begin = (time.time() // DAY + 1) * DAY
        self.reset()

    def now(self) -> float:
        """The seconds since 1970."""
        return self._now

    def wait(self, seconds: float) -> None:
        self._now += seconds

    def reset(self) -> None:
        self._now = self._begin


# All apps have this one clock, so the apps of one test agree on the time.
clock = StandingClock()
