"""Lets mails with a link leave in slots of equal length, for known and unknown addresses alike.

An attacker may ask for a mail to their address, then to another one, and then to theirs again. A
mail that is sent takes longer than one for nobody. Without slots, the time between the two mails
that arrive would tell whether the other address is known. Source: OWASP ASVS 6.3.8.
"""

import time
from collections.abc import Callable

SLOT = 0.5  # seconds


class MailSlots:
    """The slots of one sender, which waits until a slot has ended."""

    def __init__(
        self,
        wait: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wait = wait
        self._clock = clock
        # How long the last sent mail took, or a slower failed one, in seconds. A slow mail server
        # takes several slots.
        self._usual = 0.0

    def fill(self, send: Callable[[], bool]) -> bool:
        """Send a mail, and wait until its slot ends; return whether it was sent.

        A mail for nobody takes as many slots as the last sent one, or as a slower failed one.
        """
        began = self._clock()
        was_sent = send()
        took = self._clock() - began
        if was_sent or took > self._usual:
            self._usual = took
        slots = int(max(took, self._usual) // SLOT) + 1
        self._wait(max(0.0, began + slots * SLOT - self._clock()))
        return was_sent
