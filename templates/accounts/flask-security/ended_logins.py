"""Requests whose login ends before their body is complete."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.auth import logins
from tests.conftest import stored_user


class SlowBody(BytesIO):
    """A body that is complete only when `do` is done, as of a client that sends it slowly."""

    def __init__(self, body: bytes, do: Callable[[], object]) -> None:
        super().__init__(body)
        self.do = do

    def readinto(self, buffer: Any) -> int:
        if not self.tell():
            self.do()
        return super().readinto(buffer)


def while_logins_end(
    app: Flask,
    client: FlaskClient,
    path: str,
    body: dict[str, str],
    credentials: dict[str, str],
    *,
    form: bool = False,
) -> TestResponse:
    """Post JSON or a form slowly, and end all logins of the user before it is complete."""

    def end_logins() -> None:
        with stored_user(app) as user:
            logins.end_all(user)

    text = (urlencode(body) if form else json.dumps(body)).encode()
    return client.post(
        path,
        input_stream=SlowBody(text, end_logins),
        content_length=len(text),
        content_type="application/x-www-form-urlencoded" if form else "application/json",
        headers=credentials,
    )
