"""A provider of OpenID Connect on this machine, which asks who you are and believes it.

It refuses what a real one refuses: an unknown redirect URI, a wrong client secret, a code that
was used, a wrong PKCE verifier. `claims` are what it is to say instead of the truth.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from flask import Flask, abort, redirect, request
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from werkzeug.serving import make_server

import support

CLIENT_ID, CLIENT_SECRET = "my-service", "a secret of both"
ALGORITHM = "ES256"


@dataclass
class Provider:
    """What a test may know of it and change."""

    issuer: str
    redirect_uris: list[str] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "1"}))

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a service that trusts it."""
        return {
            "OPENID_ISSUER": self.issuer,
            "OPENID_CLIENT_ID": CLIENT_ID,
            "OPENID_CLIENT_SECRET": CLIENT_SECRET,
        }

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }

    def keys(self) -> Any:
        return KeySet([self.key]).as_dict(private=False)

    def ask(self) -> str:
        known = request.args["redirect_uri"] in self.redirect_uris
        if not known or request.args["code_challenge_method"] != "S256":
            abort(400)
        return '<!doctype html><form method="post"><input name="subject"><button>Allow</button>'

    def allow(self) -> Any:
        code = secrets.token_urlsafe()
        self.codes[code] = {**request.args.to_dict(), "subject": request.form["subject"]}
        back = urlencode({"code": code, "state": request.args["state"]})
        return redirect(f"{request.args['redirect_uri']}?{back}")

    def token(self) -> Any:
        asked = self.codes.pop(request.form["code"], None)
        client = request.authorization
        if asked is None or client is None or client.password != CLIENT_SECRET:
            abort(400)
        digest = sha256(request.form["code_verifier"].encode()).digest()
        same = asked["redirect_uri"] == request.form["redirect_uri"]
        if not same or urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            abort(400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "sub": asked["subject"], "iat": now}
        claims |= {"exp": now + 60, "nonce": asked["nonce"], **self.claims}
        signed = jwt.encode({"alg": ALGORITHM, "kid": "1"}, claims, self.key)
        return {"access_token": "unused", "token_type": "Bearer", "id_token": signed}


@contextlib.contextmanager
def serving() -> Iterator[Provider]:
    """Serve a provider on `localhost`, which browsers take for another site than 127.0.0.1."""
    port = support.free_port()
    provider, app = Provider(f"http://localhost:{port}"), Flask(__name__)
    app.add_url_rule("/.well-known/openid-configuration", view_func=provider.metadata)
    app.add_url_rule("/keys", view_func=provider.keys)
    app.add_url_rule("/authorize", view_func=provider.ask)
    app.add_url_rule("/authorize", view_func=provider.allow, methods=["POST"])
    app.add_url_rule("/token", view_func=provider.token, methods=["POST"])
    server = make_server("localhost", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
