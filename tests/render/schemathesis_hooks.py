"""Logs in for schemathesis again before each request, since many end their login; reads pages."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import schemathesis

LOGIN = {"username": "ada", "password": "a good long password"}


@schemathesis.auth(refresh_interval=None)
class NewLogin:
    """Shows the login by whatever it gave: a cookie, or a bearer token."""

    def get(self, case: Any, context: Any) -> tuple[str, str]:
        request = urllib.request.Request(
            f"{context.operation.base_url.rstrip('/')}/login",
            json.dumps(LOGIN).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
            login = json.load(answer)
            return f"{login.get('token_type')} {login.get('token')}", cookie

    def set(self, case: Any, login: tuple[str, str], context: Any) -> None:
        authorization, cookie = login
        if cookie:
            name, _, value = cookie.partition("=")
            case.cookies[name] = value
            case.headers["Sec-Fetch-Site"] = "same-origin"
        else:
            case.headers["Authorization"] = authorization


@schemathesis.deserializer("text/html")
def page(context: Any, response: Any) -> str:
    """A page as its text, of which the document says nothing."""
    return str(response.text)
