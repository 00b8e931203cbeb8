"""Closes a listener without resetting the connections that clients have just opened to it.

The kernel opens connections by itself, and resets those that wait to be accepted when the
listener closes, with the requests that were already sent into them. A proxy may not send such
a POST again. So the kernel first drops attempts to connect. Clients repeat these after a second,
are refused then, and a proxy asks the next instance.
Source: RFC 9110, section 9.2.2; socket(7) of Linux.
"""

import ctypes
import selectors
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from socket import SOL_SOCKET
from typing import Any

SO_ATTACH_FILTER = 26
# The first packet of a connection has SYN in the flags, byte 13 of its TCP header.
_INSTRUCTIONS = [
    (0x30, 0, 0, 13),  # load byte 13
    (0x45, 0, 1, 0x02),  # with SYN go to the next line, else to the one after it
    (0x06, 0, 0, 0),  # drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # let it pass
]


def drop_new_connections(listener: Any) -> None:
    """Let clients open no more connections, in all processes; those that are open stay so."""
    if sys.platform != "linux":
        return
    program = b"".join(struct.pack("HBBI", *each) for each in _INSTRUCTIONS)
    buffer = ctypes.create_string_buffer(program)
    pointer = struct.pack("HP", len(_INSTRUCTIONS), ctypes.addressof(buffer))
    # Sandboxes such as gVisor may not have it, and hardened systems let only root use it.
    with suppress(OSError):
        listener.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, pointer)


def close(listener: Any, accept: Callable[[Any], object], at_most: int) -> None:
    """Accept what waits, then close the listener in this process."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(listener, selectors.EVENT_READ)
        for _ in range(at_most):
            if not waiting.select(0):
                break
            accept(listener)
    listener.close()
