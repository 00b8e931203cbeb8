"""Stops without losing a request that a load balancer still sends.

gunicorn itself stops accepting connections at SIGTERM, before a load balancer can know it, and
closes its listener only after the last request. Connections that arrive in between are reset.
Source: RFC 9110, section 9.2.2.
"""

from signal import SIGTERM
from threading import Timer
from typing import Any

from app import shutdown
from app.server import listeners
from app.server.slow_clients import DeadlineWorker


def delay(server: Any, seconds: int) -> None:
    """Let gunicorn serve for a moment after its first SIGTERM, while `/readyz` says 503.

    A second SIGTERM stops it at once.
    """
    stop = server.handle_term

    def handle_term() -> None:
        if seconds and not shutdown.has_begun() and not _is_replaced(server):
            shutdown.begin()
            server.log.info("Stopping in %s seconds", seconds)
            again = Timer(seconds, server.signal, (SIGTERM, None))
            again.daemon = True
            again.start()
            return
        if not _is_replaced(server):
            for listener in server.LISTENERS:
                listeners.drop_new_connections(listener)
        stop()

    server.handle_term = handle_term


def _is_replaced(server: Any) -> bool:
    """Whether another process goes on at the same listener: after SIGUSR2, or systemd."""
    return bool(server.reexec_pid or server.systemd)


class Worker(DeadlineWorker):
    """Closes its listeners before it waits for the last requests."""

    sockets: list[Any]

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listeners.close(listener, self.accept, self.cfg.backlog)
            self.sockets = []
