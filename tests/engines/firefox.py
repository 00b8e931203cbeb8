"""Firefox, by WebDriver BiDi, which it speaks itself: no driver between."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import support
from engines.tab import PATIENCE, Failed, Tab

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
# Switches off what it would fetch from its maker, and lets WebRTC call this machine.
PREFERENCES = """
user_pref("app.normandy.enabled", false);
user_pref("app.update.auto", false);
user_pref("browser.safebrowsing.blockedURIs.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
"""
# Its first start in a new profile, on a busy machine.
START = 120  # seconds
CENTRE = """(selector => {
    const element = document.querySelector(selector);
    element.scrollIntoView({block: "center"});
    const {x, y, width, height} = element.getBoundingClientRect();
    return JSON.stringify([x + width / 2, y + height / 2].map(Math.floor));
})"""


class FirefoxTab(Tab):
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        capabilities = {"alwaysMatch": {"acceptInsecureCerts": True}}
        session = self._command("session.new", capabilities=capabilities)
        self.version = session["capabilities"]["browserVersion"]
        self._profile = self._context = ""
        self.forget()

    def _command(self, method: str, **parameters: Any) -> Any:
        """Send a command, skip the events that come before its result, and return the result."""
        number, deadline = next(self._numbers), time.monotonic() + PATIENCE
        message: dict[str, Any] = {}
        with failures(method):
            self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
            while message.get("id") != number:
                message = json.loads(self._socket.recv(deadline - time.monotonic()))
        if message["type"] == "error":
            raise Failed(message["message"])
        return message["result"]

    def visit(self, url: str) -> None:
        context = self._context
        try:
            self._command("browsingContext.navigate", context=context, url=url, wait="complete")
        except Failed:
            # Firefox also fails if the page has loaded and one of its frames was refused.
            if not self.run("return location.href").startswith(url):
                raise

    def evaluate(self, expression: str) -> str:
        result = self._command(
            "script.evaluate",
            expression=expression,
            target={"context": self._context},
            awaitPromise=True,
        )
        if result["type"] == "exception":
            raise Failed(result["exceptionDetails"]["text"])
        return str(result["result"]["value"])

    def click(self, selector: str) -> None:
        x, y = json.loads(self.evaluate(f"{CENTRE}({json.dumps(selector)})"))
        move = {"type": "pointerMove", "x": x, "y": y}
        presses = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act({"type": "pointer", "id": "mouse", "actions": [move, *presses]})

    def press(self, text: str) -> None:
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": keys})

    def _act(self, source: dict[str, Any]) -> None:
        self._command("input.performActions", context=self._context, actions=[source])

    def forget(self) -> None:
        if self._profile:
            self._command("browser.removeUserContext", userContext=self._profile)
        self._profile = self._command("browser.createUserContext")["userContext"]
        tab = self._command("browsingContext.create", type="tab", userContext=self._profile)
        self._context = tab["context"]

    def cookies(self) -> dict[str, dict[str, Any]]:
        partition = {"type": "context", "context": self._context}
        found = self._command("storage.getCookies", partition=partition)["cookies"]
        return {cookie["name"]: {**cookie, "value": cookie["value"]["value"]} for cookie in found}


@contextlib.contextmanager
def failures(method: str) -> Iterator[None]:
    from websockets.exceptions import ConnectionClosed

    try:
        yield
    except (TimeoutError, ConnectionClosed) as error:
        text = f"no answer to {method}"
        raise Failed(text) from error


@contextlib.contextmanager
def firefox() -> Iterator[Tab]:
    support.need(PROGRAM, "Firefox")
    assert PROGRAM
    # Most modules need no browser.
    from websockets.sync.client import connect

    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        (profile / "user.js").write_text(PREFERENCES, "utf-8")
        command = [PROGRAM, "--headless", "--no-remote", "--profile", folder]
        with (
            # What it keeps besides the profile goes there too.
            support.started(
                *("env", f"HOME={folder}", "MOZ_HEADLESS=1", *command),
                *("--remote-debugging-port", "0"),
                cwd=profile,
                log=profile / "log",
            ) as process,
            # Firefox refuses programs that send an Origin, which this does not. On a busy
            # machine it answers pings too late.
            connect(
                f"{address(profile, process)}/session",
                open_timeout=PATIENCE,
                ping_interval=None,
            ) as socket,
        ):
            yield FirefoxTab(socket)


def address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until Firefox has written its address into its profile, and return it."""
    file, deadline = profile / "WebDriverBiDiServer.json", time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            server = json.loads(file.read_text("utf-8"))
            return f"ws://{server['ws_host']}:{server['ws_port']}"
        time.sleep(0.05)
    message = (profile / "log").read_text("utf-8", errors="replace")
    raise Failed(message)
