"""A device with passkeys, which Chromium simulates."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import CDPSession


class Phone:
    def __init__(self, session: CDPSession, authenticator: str) -> None:
        self._session, self._device = session, {"authenticatorId": authenticator}

    def agree(self, agrees: bool) -> None:
        """Whether its owner agrees to the requests that begin from now on, or looks away."""
        presence = {**self._device, "enabled": agrees}
        self._session.send("WebAuthn.setAutomaticPresenceSimulation", presence)

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Leave the requests that begin meanwhile without an answer."""
        self.agree(False)
        yield
        self.agree(True)

    def passkeys(self) -> list[dict[str, Any]]:
        found = self._session.send("WebAuthn.getCredentials", self._device)
        return list(found["credentials"])
