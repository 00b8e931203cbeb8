"""A device with passkeys, which Chromium simulates."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
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

    def add_copy(self, credential_id: bytes) -> None:
        """Add another passkey of the same user, which the site does not know."""
        [known] = self.passkeys()
        # Chromium takes keys of this kind alone.
        key = ec.generate_private_key(ec.SECP256R1())
        pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        new = {"credentialId": credential_id, "privateKey": pkcs8}
        copy = known | {name: b64encode(value).decode() for name, value in new.items()}
        self._session.send("WebAuthn.addCredential", {**self._device, "credential": copy})
