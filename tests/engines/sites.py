"""The sites that a browser visits: a process in a render, as `served_sites.py` serves them."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import support

SCRIPT = Path(__file__).with_name("served_sites.py")
FEATURES = Path(__file__).parent / "features.js"
PATIENCE = 60  # seconds


@dataclass(frozen=True)
class App:
    """An app of a render, on a port of its own."""

    sites: Sites
    number: int
    origin: str

    def noted(self, method: str, path: str) -> dict[str, Any]:
        """Wait for such a request; what it had, and how it was answered."""
        found: dict[str, Any] | None = self.sites.ask("noted", self.number, method, path)
        assert found, f"no {method} {path} came"
        return found

    def more(self, method: str, path: str) -> list[dict[str, Any]]:
        """Return further such requests, those that come within a moment."""
        found: list[dict[str, Any]] = self.sites.ask("more", self.number, method, path)
        return found

    def asked(self) -> list[str]:
        """Return the paths that it was asked for since the last look."""
        return [each["path"] for each in self.everything()]

    def everything(self) -> list[dict[str, Any]]:
        """Return all requests since the last look."""
        found: list[dict[str, Any]] = self.sites.ask("everything", self.number)
        return found

    def steal(self, markup: str) -> None:
        """Put an attacker's markup into the page `/stolen`, where `NONCE` stands for the nonce."""
        self.sites.ask("steal", self.number, markup)


@dataclass(frozen=True)
class Sites:
    """Apps of a render, and another site that serves any page."""

    process: subprocess.Popen[str]
    log: Path
    attacks: list[str]
    # Of the other site: by https, and by http.
    ports: list[int]
    apps: dict[str, App] = field(default_factory=dict)

    def ask(self, *command: object) -> Any:
        assert self.process.stdin
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return answer(self.process, self.log)

    def app(
        self,
        host: str = "",
        *,
        https: bool = False,
        report_only: bool = False,
        **policy: object,
    ) -> App:
        """Serve the render's app with this policy; the same one each time."""
        # A name of its own for https: WebKitGTK then uses https at every port of a name.
        host = host or ("https.localhost" if https else "localhost")
        wanted = [[host], https, policy, report_only]
        name = json.dumps(wanted)
        if name not in self.apps:
            number, port = self.ask("serve", *wanted)
            origin = f"{'https' if https else 'http'}://{host}:{port}"
            self.apps[name] = App(self, number, origin)
        self.apps[name].asked()
        return self.apps[name]

    def other(self, host: str = "127.0.0.1", *, https: bool = False) -> str:
        """Return the origin of the other site."""
        return f"https://{host}:{self.ports[0]}" if https else f"http://{host}:{self.ports[1]}"

    def page(self, text: str, path: str = "/") -> None:
        """Let the other site show this page."""
        self.ask("page", path, text)


def answer(process: subprocess.Popen[str], log: Path) -> Any:
    assert process.stdout
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    line = process.stdout.readline() if ready else ""
    assert line, log.read_text("utf-8", errors="replace")[-2000:]
    return json.loads(line)


@contextlib.contextmanager
def serving(project: Path) -> Iterator[Sites]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(folder, "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, SCRIPT, folder, FEATURES.read_text("utf-8")],
            cwd=project,
            env={
                **support.newcomers_environment(),
                **support.COMPILED,
                "VIEWS_PROJECT": str(project),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            written = Path(folder, "log")
            started = answer(process, written)
            yield Sites(process, written, started["attacks"], list(map(int, started["ports"])))
        finally:
            process.kill()
