"""What app/server/ uses of gunicorn although gunicorn does not document it.

If this fails with another gunicorn, look at what took the place of the name.
"""

from typing import Any

import pytest
from gunicorn import glogging, util
from gunicorn.arbiter import Arbiter
from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

PRIVATE: list[tuple[object, str]] = [
    *((ThreadWorker, name) for name in ("handle", "notify", "set_accept_enabled", "accept")),
    *((Arbiter, name) for name in ("handle_term", "signal", "LISTENERS")),
    *((wsgi.Response, name) for name in ("default_headers", "should_close")),
    *((util, name) for name in ("write_error", "write_nonblock")),
    *((glogging.Logger, name) for name in ("setup", "warning")),
]


@pytest.mark.parametrize(("holder", "name"), PRIVATE)
def test_gunicorn_still_has_what_is_replaced(holder: object, name: str) -> None:
    assert hasattr(holder, name)


def test_gunicorn_still_has_what_is_read(arbiter: Any, worker: Any) -> None:
    assert {"reexec_pid", "systemd", "cfg", "log"} <= {*vars(arbiter)} | {*dir(Arbiter)}
    assert {"sockets", "alive", "cfg"} <= vars(worker).keys()


def test_gunicorn_still_uses_what_is_replaced() -> None:
    assert "handle_%s" in Arbiter.run.__code__.co_consts
    assert "set_accept_enabled" in ThreadWorker.run.__code__.co_names
    assert "Response" in wsgi.create.__code__.co_names
    assert "write_error" in ThreadWorker.handle_error.__code__.co_names
