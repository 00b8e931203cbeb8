"""Lets mails with a link leave in slots of equal length, for known and unknown addresses alike.

A stranger may ask for a mail to an own address, to one that may be known, and to the own one again.
A mail that is sent takes longer than one for nobody. So without slots the time between the two own
mails would tell whether the address between them is known. Source: OWASP ASVS 6.3.8.
"""

import time
from collections.abc import Callable

SLOT = 0.5  # seconds


class MailSlots:
    """The slots of one sender, which does nothing else until a slot has ended."""

    def __init__(self, wait: Callable[[float], object] = time.sleep) -> None:
        self._wait = wait
        # How long the last mail took, in seconds. A slow mail server takes several slots.
        self._usual = 0.0

    def fill(self, began: float, *, was_sent: bool) -> None:
        """Wait for the end of the slot of a mail that began at this time of time.monotonic().

        One for nobody takes as many slots as the last one that was sent, or that failed more slowly.
        """
        took = time.monotonic() - began
        if was_sent or took > self._usual:
            self._usual = took
        slots = int(max(took, self._usual) // SLOT) + 1
        self._wait(max(0.0, began + slots * SLOT - time.monotonic()))
