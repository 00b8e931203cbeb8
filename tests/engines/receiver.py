"""What reaches an attacker: a port for each try, where any connection or packet counts.

A connection that the browser opens in advance carries no request, and yet its port and its time
tell something. So nothing is answered, and each connection is closed at once. What asks only for
the address of a name, of which an attacker has the name server, is read in the browser's log.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

HOST = "127.0.0.1"
NAME = "way-{}.stolen.example"  # by the port
NAMED = re.compile(r"way-(\d+)\.stolen\.example")
PAUSE = 0.02  # seconds between two looks whether to stop


class Receiver:
    """`reached` has the ports to which something came, or of whose names the log says so.

    No port is used twice, since a browser may still try one when the next way is tried.
    """

    def __init__(self, log: Path | None) -> None:
        self.reached: set[int] = set()
        self._log = log.open(encoding="utf-8", errors="replace") if log else None
        self._end = ""
        self._open = True
        self._selector = selectors.DefaultSelector()
        self._thread = Thread(target=self._receive, daemon=True)
        self._thread.start()

    def listen(self) -> int:
        """Listen by TCP, and by UDP at the same port; the port."""
        connections = socket.create_server((HOST, 0))
        port: int = connections.getsockname()[1]
        packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        packets.bind((HOST, port))
        for each in (connections, packets):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ, port)
        return port

    def read_log(self) -> None:
        """Add the ports whose names the browser has looked up since the last look."""
        if self._log:
            text = self._end + self._log.read()
            self.reached |= set(map(int, NAMED.findall(text)))
            self._end = text[-len(NAME) :]

    def _receive(self) -> None:
        while self._open:
            for key, _ in self._selector.select(PAUSE):
                self.reached.add(key.data)
                with contextlib.suppress(OSError):
                    take(key.fileobj)

    def stop(self) -> None:
        self._open = False
        self._thread.join()
        for key in [*self._selector.get_map().values()]:
            assert isinstance(key.fileobj, socket.socket), key
            key.fileobj.close()
        self._selector.close()
        if self._log:
            self._log.close()


def take(waiting: object) -> None:
    assert isinstance(waiting, socket.socket)
    if waiting.type == socket.SOCK_DGRAM:
        waiting.recv(2048)
    else:
        waiting.accept()[0].close()


@contextlib.contextmanager
def receiving(log: Path | None) -> Iterator[Receiver]:
    receiver = Receiver(log)
    try:
        yield receiver
    finally:
        receiver.stop()
