"""Clients of a served project, whichever the kind of token."""

from __future__ import annotations

import contextlib
import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "a good long password"

# Seconds. What is not answered by then hangs: every wait in the app is far shorter.
PATIENCE = 60


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def unavailable(self) -> bool:
        """Say whether it asks the client, in JSON, to come back later."""
        return (
            self.status == 503 and bool(self.body["error"]) and int(self.headers["Retry-After"]) > 0
        )


def ask(
    port: int,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> Answer:
    """Ask for a path on a new connection; a body is sent as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        return send(connection, path, body, headers, method)


def send(
    connection: http.client.HTTPConnection,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> Answer:
    sent = None if body is None else json.dumps(body)
    kind = {} if body is None else {"Content-Type": "application/json"}
    method = method or ("GET" if body is None else "POST")
    connection.request(method, path, sent, {**kind, **(headers or {})})
    response = connection.getresponse()
    return Answer(response.status, dict(response.getheaders()), response.read().decode())


def ready(port: int) -> str | None:
    """What `/readyz` says; None where it answers 503."""
    answer = ask(port, "/readyz")
    assert answer.status == 200 or answer.unavailable, answer
    return str(answer.body["status"]) if answer.status == 200 else None


def log_in(
    port: int, name: str = "ada", password: str = PASSWORD, headers: dict[str, str] | None = None
) -> Answer:
    return ask(port, "/login", {"username": name, "password": password}, headers)


def shown(login: Answer) -> dict[str, str]:
    """Return the headers by which a client shows what a login gave it."""
    assert login.status == 200, login
    cookie = login.headers.get("Set-Cookie")
    if cookie:
        # A browser says so by itself where a page of the site sends the request.
        return {"Cookie": cookie.partition(";")[0], "Sec-Fetch-Site": "same-origin"}
    return {"Authorization": f"Bearer {login.body['token']}"}


def is_accepted(port: int, login: Answer) -> bool:
    """Say whether a login still serves; anything but a clear yes or no is a failure."""
    answer = ask(port, "/me", headers=shown(login))
    assert answer.status in (200, 401), answer
    return answer.status == 200


def enter_password(page: Page) -> None:
    """Fill in the page of a login in a browser, and send it."""
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")


def refresh(port: int, login: Answer) -> Answer:
    """Spend the refresh token of a login."""
    body = {"refresh_token": login.body["refresh_token"]}
    return ask(port, "/token/refresh", body)
