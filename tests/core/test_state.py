"""The state of an app and of a request: one name among those of others, and typed keys within."""

import pytest
from flask import Flask
from secure_flask.auth.access import require_login
from secure_flask.state import Key, app_state, begin_app_state


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


def test_a_request_of_such_an_app_has_no_login_and_says_why() -> None:
    with Flask("other").test_request_context(), pytest.raises(RuntimeError, match="not protected"):
        require_login()
