"""What an instance still does when it is told to stop."""

import socket
from signal import SIGTERM
from typing import Any
from unittest.mock import Mock

import pytest

from app import shutdown
from app.server import listeners, stopping


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The listeners to which nobody may connect any more."""
    dropped: list[object] = []
    monkeypatch.setattr(listeners, "drop_new_connections", dropped.append)
    return dropped


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> Mock:
    timer = Mock()
    monkeypatch.setattr(stopping, "Timer", timer)
    return timer


def test_it_serves_for_a_moment_and_says_so(
    arbiter: Any, timer: Mock, dropped: list[object]
) -> None:
    arbiter.LISTENERS = ["a listener"]
    stopping.delay(arbiter, 5)
    assert not shutdown.has_begun()
    arbiter.handle_term()
    assert shutdown.has_begun()
    assert dropped == []
    timer.assert_called_once_with(5, arbiter.signal, (SIGTERM, None))
    timer().start.assert_called_once_with()
    with pytest.raises(StopIteration):
        arbiter.handle_term()
    assert dropped == ["a listener"]


def test_gunicorn_is_told_again_when_the_moment_is_over(arbiter: Any) -> None:
    arbiter.signal(SIGTERM, None)
    assert arbiter.wait_for_signals(timeout=10) == [SIGTERM]
    assert arbiter.SIG_NAMES[SIGTERM] == "term"


def test_without_a_delay_it_stops_at_once(arbiter: Any, timer: Mock) -> None:
    stopping.delay(arbiter, 0)
    with pytest.raises(StopIteration):
        arbiter.handle_term()
    timer.assert_not_called()


@pytest.mark.parametrize("taken_over_by", ["reexec_pid", "systemd"])
def test_where_another_goes_on_at_its_listener_it_just_stops(
    arbiter: Any, timer: Mock, dropped: list[object], taken_over_by: str
) -> None:
    arbiter.LISTENERS = ["a listener"]
    setattr(arbiter, taken_over_by, 1)
    stopping.delay(arbiter, 5)
    with pytest.raises(StopIteration):
        arbiter.handle_term()
    assert not shutdown.has_begun()
    assert dropped == []


def test_a_worker_that_ends_loses_nobody_who_waits(worker: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.sockets, worker.poller, worker.tpool = [listener], Mock(), Mock()
        worker.set_accept_enabled(True)
        with socket.create_connection(listener.getsockname()):
            worker.alive = False
            worker.set_accept_enabled(False)
            _, accepted = worker.tpool.submit.call_args.args
            accepted.close()
            assert listener.fileno() == -1
            # gunicorn may ask for it again.
            worker.set_accept_enabled(False)


def test_a_worker_that_is_busy_keeps_its_listener(worker: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.sockets, worker.poller = [listener], Mock()
        worker.set_accept_enabled(True)
        worker.set_accept_enabled(False)
        assert listener.fileno() != -1
