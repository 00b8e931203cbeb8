"""What people do with authenticator apps and passkeys by HTTP."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.accounts import devices
from core.accounts.devices import code_of
from views.accounts.people import (
    RECOVERY_CODES,
    TF_SETUP,
    TF_VALIDATE,
    Half,
    Headers,
    begin_login,
    send,
)
from views.conftest import headers_of, is_logged_in

PASSKEYS = "/passkeys"
WAN_REGISTER, WAN_DELETE = "/wan-register", "/wan-delete"
WAN_SIGNIN, WAN_SECOND, WAN_VERIFY = "/wan-signin", "/wan-second", "/wan-verify"


def login_of(answer: TestResponse) -> Headers:
    """The headers by which a client shows the login that it got."""
    assert answer.status_code == 200, answer.text
    return headers_of(answer.get_json())


def assert_refused(answer: TestResponse, status: int = 401) -> None:
    """No login, and no cookie of one."""
    assert (answer.status_code, '"token' in answer.text) == (status, False), answer.text
    assert "Set-Cookie" not in answer.headers


def send_code(client: FlaskClient, half: Half, code: str, path: str = TF_VALIDATE) -> TestResponse:
    return send(client, path, {**half, "code": code})


def logs_in_by_code(client: FlaskClient, code: str, path: str = TF_VALIDATE) -> bool:
    """Whether a login by password and this code succeeds."""
    answer = send_code(client, begin_login(client), code, path)
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200 and is_logged_in(client, login_of(answer))


def begin_setup(
    client: FlaskClient, credentials: Headers | None = None, /, **half: str
) -> tuple[str, str]:
    """The secret of a new authenticator app, and the address that takes its first code."""
    answer = send(client, TF_SETUP, {"setup": "authenticator", **half}, credentials)
    assert answer.status_code == 200, answer.text
    begun = answer.get_json()
    return begun["secret"], f"{TF_SETUP}/{begun['state']}"


def add_app(client: FlaskClient, credentials: Headers) -> str:
    """Set up an authenticator app, and return its secret. Its present code is used then."""
    secret, path = begin_setup(client, credentials)
    answer = send(client, path, {"code": code_of(secret)}, credentials)
    assert answer.status_code == 200, answer.text
    return secret


def add_recovery_codes(client: FlaskClient, credentials: Headers) -> list[str]:
    answer = send(client, RECOVERY_CODES, {}, credentials)
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()["recovery_codes"])


class Passkey(devices.Passkey):
    """A passkey for the site of a client."""

    def __init__(self, client: FlaskClient) -> None:
        with client.application.test_request_context():
            super().__init__()


def challenge(
    client: FlaskClient, path: str, headers: Headers | None = None, /, **members: str
) -> dict[str, Any]:
    """Begin what `path` is for; its `state` and `options`."""
    begun = send(client, path, {**members}, headers)
    assert begun.status_code == 200, begun.text
    return dict(begun.get_json())


def answer(
    client: FlaskClient,
    path: str,
    begun: dict[str, Any],
    device: Passkey | str,
    headers: Headers | None = None,
    *,
    name: str = "phone",
    **members: object,
) -> TestResponse:
    """Answer a challenge with a passkey, or with this credential; a new one gets the name."""
    if isinstance(device, Passkey):
        make = device.create if path == WAN_REGISTER else device.get
        device = make(begun["options"])
    more = {"name": name} if path == WAN_REGISTER else {}
    body = {**more, **members, "credential": device}
    return send(client, f"{path}/{begun['state']}", body, headers)


def use(
    client: FlaskClient, path: str, device: Passkey, headers: Headers | None = None, /, **half: str
) -> TestResponse:
    """Ask for a challenge and answer it."""
    return answer(client, path, challenge(client, path, headers, **half), device, headers, **half)


def add_passkey(client: FlaskClient, credentials: Headers, name: str = "phone") -> Passkey:
    device = Passkey(client)
    begun = challenge(client, WAN_REGISTER, credentials)
    added = answer(client, WAN_REGISTER, begun, device, credentials, name=name)
    assert added.status_code == 200, added.text
    return device


def names(client: FlaskClient, credentials: Headers) -> list[str]:
    """The names of the user's passkeys."""
    shown = client.get(PASSKEYS, headers=credentials).get_json()["passkeys"]
    return [each["name"] for each in shown]
