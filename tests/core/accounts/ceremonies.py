"""The four ceremonies of a passkey: what begins each, and what takes its answer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from secure_flask import accounts
from secure_flask.accounts.users import account_of
from secure_flask.auth import access

from core.accounts.devices import Passkey, begin_login
from core.accounts.people import status_of

REGISTER, SIGN_IN, SECOND, VERIFY = CEREMONIES = ("register", "sign in", "second", "verify")
# The status of a wrong answer.
WRONG = {REGISTER: 400, SIGN_IN: 401, SECOND: 401, VERIFY: 401}

of_each_ceremony = pytest.mark.parametrize("ceremony", CEREMONIES)


class Asked(NamedTuple):
    """A challenge, and the half login that its answer completes."""

    state: str
    options: dict[str, Any]
    half: str


# Each takes the token of a half login, which matters to one of them.
BEGIN: dict[str, Callable[[str], dict[str, Any]]] = {
    REGISTER: lambda half: accounts.begin_passkey_registration(),
    SIGN_IN: lambda half: accounts.begin_passkey_login(),
    SECOND: accounts.begin_passkey_second_factor,
    VERIFY: lambda half: accounts.begin_passkey_login(account_of(access.require_user())),
}
FINISH: dict[str, Callable[[str, str, str], object]] = {
    REGISTER: lambda state, made, half: accounts.add_passkey(state, made, "new"),
    SIGN_IN: lambda state, made, half: accounts.log_in_by_passkey(state, made),
    SECOND: accounts.complete_login_by_passkey,
    VERIFY: lambda state, made, half: accounts.reauthenticate_by_passkey(state, made),
}


def ask(ceremony: str, half: str = "") -> Asked:
    half = half or (begin_login() if ceremony == SECOND else "")
    return Asked(**BEGIN[ceremony](half), half=half)


def finish(ceremony: str, asked: Asked, made: Passkey | str) -> object:
    """What the answer of a device, or this one, leads to."""
    if isinstance(made, Passkey):
        made = made.create(asked.options) if ceremony == REGISTER else made.get(asked.options)
    return FINISH[ceremony](asked.state, made, asked.half)


def answer(ceremony: str, asked: Asked, made: Passkey | str) -> int:
    return status_of(finish, ceremony, asked, made)


def use(ceremony: str, device: Passkey, half: str = "") -> int:
    """The status after a new challenge and its answer."""
    return answer(ceremony, ask(ceremony, half), device)


def device_for(ceremony: str, passkey: Passkey) -> Passkey:
    """The passkey of the user, or one that can be added."""
    return Passkey() if ceremony == REGISTER else passkey
