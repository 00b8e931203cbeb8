"""Which ways out of a page are closed, and by which header.

The same page is tried without headers, which proves that a way leads out, and then at the level
`paranoid` with one header more each time.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines import started
from engines.chromium import predicting_chromium
from engines.receiver import HOST, Receiver, receiving
from engines.sites import App, Sites, serving
from engines.tab import Failed, Tab
from engines.ways_out import LOADED, OF_CHROMIUM, PREDICTED, WAYS, Way

PAUSE = 0.02  # seconds between two looks
# Seconds for what has to come: a way that is known to lead out, or the last thing of the page.
CERTAIN = 20
# Seconds for a way without headers that is not known to lead out.
UNKNOWN = 5
# Seconds for what should not come and what no browser reports: at least these, and so many times
# what the slowest way takes without headers.
QUIET, TIMES = 2, 3
# What the page does last: an empty log proves nothing where the script did not run.
RAN = "fetch('/ran', {keepalive: true}).catch(() => 0)"
CLOSED, OPEN, NOT_THERE, NOT_MEASURED = "closed by ", "open", "not there", "not measured"

Known = dict[str, str]


@dataclass(frozen=True)
class Stage:
    """A page with more headers than the stage before: the header, and changes of the policy."""

    header: str
    policy: dict[str, Any]
    ways: list[Way] = field(default_factory=lambda: [*WAYS, PREDICTED])


STAGES = [
    Stage("the CSP", {"LINKS": None, "HEADER_CHANGES": {"Integrity-Policy": None}}),
    # It closes no navigation.
    Stage("`Integrity-Policy`", {"LINKS": None}, LOADED),
    Stage("`Connection-Allowlist`", {}),
]


@dataclass
class Attacker:
    """The attacker's markup in a page, and what it sends out.

    `app` has the page, or the other site where it is None. `quiet` is how long an attacker who
    hears nothing waits, in seconds, and `slowest` the longest time that a way took. `tried` has the
    ports of the ways that have a page for themselves.
    """

    tab: Tab
    sites: Sites
    receiver: Receiver
    app: App | None
    quiet: float
    slowest: float = 0
    tried: dict[str, int] = field(default_factory=dict)

    def sends(self, ways: list[Way], certain: set[str]) -> set[str]:
        """Try these ways; the names of those that lead out. `certain` names those that must."""
        pages = [[way for way in ways if not way.alone], *([way] for way in ways if way.alone)]
        found = {name for page in pages if page for name in self._try_twice(page, certain)}
        # What came after a browser had reported the way as closed counts too.
        return found | self._arrived(self.tried)

    def _try_twice(self, ways: list[Way], certain: set[str]) -> set[str]:
        # Chromium drops requests whenever the machine gets an address, as for a container.
        with contextlib.suppress(Failed):
            found = self._try(ways, certain)
            if not (certain & {way.name for way in ways}) - found:
                return found
        self.tab.forget()
        return self._try(ways, certain)

    def _try(self, ways: list[Way], certain: set[str]) -> set[str]:
        ports = {way.name: self.receiver.listen() for way in ways}
        first = ways[0]
        if first.visited:
            self._visit_before(ports[first.name])
        self._put("".join(way.at(ports[way.name]) for way in ways) + ending(first))
        with contextlib.suppress(Failed):
            self.tab.visit(f"{self._origin()}/stolen")
        if first.click:
            with contextlib.suppress(Failed):
                self.tab.click("#go")
        found = self._wait(ports, set() if first.again else certain)
        if first.again and not found:
            self._come_again()
            found = self._wait(ports, certain)
        if first.alone:
            self.tried |= ports
            self.tab.forget()
        return found

    def _come_again(self) -> None:
        self.tab.forget()
        self.tab.visit(f"{self._origin()}/stolen")

    def _visit_before(self, port: int) -> None:
        before = f"{self._origin()}/healthz"
        self.tab.visit(before)
        with contextlib.suppress(Failed):
            self.tab.visit(f"https://{HOST}:{port}/")
        # It is in the history as soon as the browser shows that nothing was answered.
        self.tab.wait_for("location.href !== $0", before)
        self.receiver.reached.discard(port)

    def _origin(self) -> str:
        return self.app.origin if self.app else self.sites.other("localhost", https=True)

    def _put(self, html: str) -> None:
        if self.app:
            self.app.steal(html)
            self.app.everything()
        else:
            self.sites.page(f"<!doctype html><title>Page</title><body>{html}", "/stolen")

    def _wait(self, ports: dict[str, int], certain: set[str]) -> set[str]:
        """Wait until each way leads out or is reported as closed, or for long enough."""
        began, ran = time.monotonic(), self.app is None
        found, closed = set[str](), set[str]()
        while not (ran and ports.keys() <= found | closed):
            passed = time.monotonic() - began
            must_come = not ran or (certain & ports.keys()) - found
            if passed > (CERTAIN if must_come else self.quiet):
                break
            time.sleep(PAUSE)
            for request in self.app.everything() if self.app else []:
                ran = ran or request["path"] == "/ran"
                closed |= {name for name in ports if f"{HOST}:{ports[name]}" in request["body"]}
            arrived = self._arrived(ports)
            self.slowest = max(self.slowest, passed if arrived - found else 0)
            found = arrived
        if not ran:
            message = f"the attacker's script did not run: {', '.join(ports)}"
            raise Failed(message)
        return found

    def _arrived(self, ports: dict[str, int]) -> set[str]:
        self.receiver.read_log()
        return {name for name, port in ports.items() if port in self.receiver.reached}


def ending(way: Way) -> str:
    ran = f"go.addEventListener('click', () => {{{RAN}}})" if way.click else RAN
    return f'<script nonce="NONCE">{ran}</script>'


@contextlib.contextmanager
def browser(engine: str) -> Iterator[tuple[Tab, Path | None]]:
    """Start a browser; its tab, and the log of the names that it looks up, if it writes one."""
    if engine != "Chromium":
        with started(engine) as tab:
            yield tab, None
        return
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with predicting_chromium(log) as tab:
            yield tab, log


def led_out(
    engine: str, project: Path, known: Known, ways: list[Way], stages: list[Stage]
) -> list[set[str]]:
    """Return which ways lead out without headers, and which at each stage.

    What is `known` to lead out is waited for longer. A browser that hangs is replaced once.
    """
    with contextlib.suppress(Failed):
        return in_one_browser(engine, project, known, ways, stages)
    return in_one_browser(engine, project, known, ways, stages)


def in_one_browser(
    engine: str, project: Path, known: Known, ways: list[Way], stages: list[Stage]
) -> list[set[str]]:
    with browser(engine) as (tab, log), serving(project) as sites, receiving(log) as receiver:
        control = Attacker(tab, sites, receiver, None, UNKNOWN)
        led = [control.sends(ways, known_at(known, STAGES))]
        for stage in stages:
            app = sites.app(https=True, **stage.policy)
            attacker = Attacker(tab, sites, receiver, app, max(QUIET, TIMES * control.slowest))
            tried = [way for way in ways if way in stage.ways and way.name in led[0]]
            later = STAGES[STAGES.index(stage) + 1 :]
            led.append(attacker.sends(tried, known_at(known, later)))
    return led


def outcomes(engine: str, project: Path, known: Known) -> Known:
    """Return for each way which header closes it."""
    every = [*WAYS, PREDICTED]
    ways = [way for way in every if engine == "Chromium" or way.name not in OF_CHROMIUM]
    led = led_out(engine, project, known, ways, STAGES)
    found = {way.name: outcome(way.name, led) for way in ways}
    return {way.name: found.get(way.name, NOT_MEASURED) for way in every}


def known_at(known: Known, later: list[Stage]) -> set[str]:
    """Return the ways that are known to be open, or to be closed by one of these stages."""
    texts = {OPEN, *(CLOSED + stage.header for stage in later)}
    return {name for name, text in known.items() if text in texts}


def outcome(name: str, led: list[set[str]]) -> str:
    """Say what closes a way, by the ways that led out without headers and at each stage."""
    there, *stages = led
    if name not in there:
        return NOT_THERE
    if name in stages[-1]:
        return OPEN
    closing = (
        stage.header
        for stage, out in zip(STAGES, stages, strict=True)
        if name not in out and name in {way.name for way in stage.ways}
    )
    return CLOSED + next(closing)
