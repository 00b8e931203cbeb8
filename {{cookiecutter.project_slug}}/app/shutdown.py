"""Whether this server is stopping, known to all its processes, so that `/readyz` can say so.

A load balancer that learns it in time sends requests elsewhere before connections are refused.
Source: RFC 9110, section 15.6.4.
"""

import mmap

# Shared by the processes that gunicorn forks.
_state = mmap.mmap(-1, 1)


def begin() -> None:
    """Say in every process that this server is stopping."""
    _state[0] = 1


def has_begun() -> bool:
    """Whether this server is stopping."""
    return bool(_state[0])
