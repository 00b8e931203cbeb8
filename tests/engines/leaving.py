"""Which ways out of a page of the site are closed, and by which header."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engines import started
from engines.chromium import predicting_chromium
from engines.receiver import HOST, Receiver, receiving
from engines.sites import App, Sites
from engines.tab import Failed, Tab
from engines.ways_out import LEAVING, LOADED, WAYS, Way

PAUSE = 0.02  # seconds between two looks
# Seconds until a way without headers counts as one that this engine does not have.
CONTROL = 10
# What the page does last, so that an empty log is no proof of a script that did not run.
RAN = "fetch('/ran', {keepalive: true}).catch(() => 0)"


@dataclass(frozen=True)
class Stage:
    """A page with some of the headers, and the name of the one that it adds."""

    adds: str
    policy: dict[str, object]


STAGES = [
    Stage("the CSP", {"HEADER_CHANGES": {"Connection-Allowlist": None, "Integrity-Policy": None}}),
    Stage("`Integrity-Policy`", {"HEADER_CHANGES": {"Connection-Allowlist": None}}),
    Stage("`Connection-Allowlist`", {}),
]


@dataclass
class Attacker:
    """The attacker's markup in a page of one origin, and what it sends out."""

    tab: Tab
    sites: Sites
    app: App | None
    patience: float

    def sends(self, ways: list[Way]) -> set[str]:
        """Try these ways; the names of those that reach the attacker."""
        together = [way for way in ways if not way.alone]
        found = self._try(together) if together else set()
        for way in ways:
            if way.alone:
                found |= self._try([way])
        return found

    def _try(self, ways: list[Way]) -> set[str]:
        with receiving([way.name for way in ways]) as receiver:
            self._steal("".join(markup(way, receiver) for way in ways) + ending(ways))
            with contextlib.suppress(Failed):
                self.tab.visit(f"{self._origin()}/stolen")
            if ways[0].click:
                with contextlib.suppress(Failed):
                    self.tab.click("#go")
            self._wait(receiver)
            found = set(receiver.reached)
        if ways[0].alone:
            self.tab.forget()
        return found

    def _origin(self) -> str:
        return self.app.origin if self.app else self.sites.other("localhost", https=True)

    def _steal(self, html: str) -> None:
        if self.app:
            self.app.steal(html)
            self.app.everything()
        else:
            self.sites.page(f"<!doctype html><title>Page</title><body>{html}", "/stolen")

    def _wait(self, receiver: Receiver) -> None:
        """Wait until each way has arrived or is reported, or for as long as the slowest takes."""
        silent, ran = set(receiver.ports), self.app is None
        began = time.monotonic()
        while not (ran and not silent) and time.monotonic() - began < (
            self.patience if ran else CONTROL
        ):
            time.sleep(PAUSE)
            for request in self.app.everything() if self.app else []:
                ran = ran or request["path"] == "/ran"
                silent -= reported(request["body"], receiver)
            silent -= receiver.reached
        assert ran, "the attacker's script did not run"


def ending(ways: list[Way]) -> str:
    ran = f"go.addEventListener('click', () => {{{RAN}}})" if ways[0].click else RAN
    return f'<script nonce="NONCE">{ran}</script>'


def markup(way: Way, receiver: Receiver) -> str:
    address = f"{HOST}:{receiver.ports[way.name]}"
    return way.html.replace("TARGET", f"https://{address}/").replace("HOST", address)


def reported(body: str, receiver: Receiver) -> set[str]:
    """Return the ways whose port is named in a report."""
    ports = set(map(int, re.findall(r"127\.0\.0\.1:(\d+)", body)))
    return {name for name, port in receiver.ports.items() if port in ports}
