"""The state of an app and of a request: one name among those of others, and typed keys within."""

import pytest
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from secure_flask import current_user, login_required, public
from secure_flask.state import Key, app_state, begin_app_state

from core.conftest import USERNAME, MakeApp, log_in


def test_extensions_meet_one_name_of_the_core(app: Flask) -> None:
    others = {"sqlalchemy", "migrate"}
    assert {*app.extensions} - others == {"secure_flask"}


def test_two_keys_of_one_name_keep_two_values(app: Flask) -> None:
    first = Key[int]("number")
    second = Key[int]("number")
    state = begin_app_state(Flask("other"))
    state[first] = 1
    assert second not in state


def test_an_app_without_init_app_is_told_what_to_write() -> None:
    with pytest.raises(RuntimeError, match=r"other is not protected: call `secure_flask.init_app"):
        app_state(Flask("other"))


def test_an_app_that_another_one_asks_has_logins_and_a_state_of_its_own(make_app: MakeApp) -> None:
    app = make_app()
    asked = make_app()
    asked.add_url_rule("/asked", "asked", login_required(lambda: "asked"))
    asked.add_url_rule("/open", "open", public(lambda: current_user.name if current_user else "-"))

    @app.get("/<word>")
    @login_required
    def ask(word: str) -> ResponseReturnValue:
        answer = Response.from_app(asked, request.environ)
        answer.headers["X-Outer"] = current_user.name
        return answer

    client = app.test_client()
    credentials = log_in(client)
    refused, opened = (client.get(f"/{word}", headers=credentials) for word in ("asked", "open"))
    assert (refused.status_code, opened.text) == (401, "-")
    assert refused.headers["X-Outer"] == USERNAME
