"""Chromium, Firefox and WebKitGTK behind one small interface, for tests that ask all of them.

`engines.started("Firefox")` gives a tab of a browser that was never used. Each of its commands ends
within PATIENCE, by an answer or by `Failed`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from engines.chromium import chromium
from engines.firefox import firefox
from engines.tab import Failed, Tab
from engines.webkit import webkit

__all__ = ["ENGINES", "Failed", "Tab", "started"]

ENGINES = {"Chromium": chromium, "Firefox": firefox, "WebKitGTK": webkit}


@contextlib.contextmanager
def started(name: str) -> Iterator[Tab]:
    """Start a browser; its one tab, which `forget` makes a new one."""
    with ENGINES[name]() as tab:
        yield tab
