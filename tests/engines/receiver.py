"""What reaches an attacker: a port for each way out, where any connection or packet counts.

A connection that the browser opens in advance carries no request, and yet its port and its time
tell something. So nothing is answered, and each connection is closed at once.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Iterator
from threading import Thread

HOST = "127.0.0.1"
PAUSE = 0.02  # seconds between two looks whether to stop


class Receiver:
    """`ports` names the port of each way; `reached` has the ways that came."""

    def __init__(self, names: list[str]) -> None:
        self.ports: dict[str, int] = {}
        self.reached: set[str] = set()
        self._open = True
        self._selector = selectors.DefaultSelector()
        for name in names:
            self._listen(name)
        self._thread = Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _listen(self, name: str) -> None:
        """Listen by TCP, and by UDP at the same port, for one way."""
        connections = socket.create_server((HOST, 0))
        self.ports[name] = connections.getsockname()[1]
        packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        packets.bind((HOST, self.ports[name]))
        for each in (connections, packets):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ, name)

    def _receive(self) -> None:
        while self._open:
            for key, _ in self._selector.select(PAUSE):
                assert isinstance(key.fileobj, socket.socket)
                self.reached.add(key.data)
                with contextlib.suppress(OSError):
                    take(key.fileobj)

    def stop(self) -> None:
        self._open = False
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()


def take(waiting: socket.socket) -> None:
    if waiting.type == socket.SOCK_DGRAM:
        waiting.recv(2048)
    else:
        waiting.accept()[0].close()


@contextlib.contextmanager
def receiving(names: list[str]) -> Iterator[Receiver]:
    receiver = Receiver(names)
    try:
        yield receiver
    finally:
        receiver.stop()
