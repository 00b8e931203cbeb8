"""WebKitGTK, by its own WebDriver, in its example browser on a screen that nobody sees."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import support
from engines.tab import PATIENCE, Failed, Tab

DRIVER = shutil.which("WebKitWebDriver")
SCREEN = shutil.which("Xvfb")
# Milliseconds, for what the driver itself waits.
LIMITS = dict.fromkeys(("pageLoad", "script"), PATIENCE * 1000)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver, section 12.1
RUN = (
    "const done = arguments[arguments.length - 1]; Promise.resolve(%s).then("
    "value => done({value}), error => done({error: String(error)}))"
)


class WebKitTab(Tab):
    def __init__(self, driver: str) -> None:
        self._driver, self._session = driver, ""
        self.forget()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self._driver + path,
            json.dumps(body or {}).encode() if method == "POST" else None,
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE * 2) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Failed(error.read().decode()) from error
        except OSError as late:
            text = f"no answer to {path}"
            raise Failed(text) from late

    def _post(self, path: str, body: object = None) -> Any:
        return self._ask("POST", f"{self._session}{path}", body)

    def visit(self, url: str) -> None:
        self._post("/url", {"url": url})

    def evaluate(self, expression: str) -> str:
        result = self._post("/execute/async", {"script": RUN % expression, "args": []})
        if "error" in result:
            raise Failed(result["error"])
        return str(result["value"])

    def click(self, selector: str) -> None:
        self._post(f"/element/{self._find(selector)}/click")

    def press(self, text: str) -> None:
        self._post(f"/element/{self._find(':focus')}/value", {"text": text})

    def _find(self, selector: str) -> str:
        found = self._post("/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def forget(self) -> None:
        """Start another browser, since the driver clears nothing but cookies."""
        if self._session:
            self._ask("DELETE", self._session)
        capabilities = {"acceptInsecureCerts": True, "timeouts": LIMITS}
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.version = answer["capabilities"]["browserVersion"]
        self._session = f"/session/{answer['sessionId']}"

    def cookies(self) -> dict[str, dict[str, Any]]:
        found = self._ask("GET", f"{self._session}/cookie")
        return {cookie["name"]: cookie for cookie in found}


@contextlib.contextmanager
def webkit() -> Iterator[Tab]:
    support.need(DRIVER, "WebKitWebDriver")
    support.need(SCREEN, "Xvfb")
    assert DRIVER
    port = support.free_port()
    with (
        tempfile.TemporaryDirectory(prefix="webkit-", ignore_cleanup_errors=True) as folder,
        screen() as display,
        support.started(
            *("env", f"HOME={folder}", f"DISPLAY={display}", "GDK_BACKEND=x11"),
            *("LIBGL_ALWAYS_SOFTWARE=1", DRIVER, f"--port={port}"),
            cwd=Path(folder),
            log=Path(folder, "log"),
        ) as process,
    ):
        support.wait_for(port, process, Path(folder, "log"))
        yield WebKitTab(f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """Start an X server, which chooses a number that is free and writes it down."""
    assert SCREEN
    reading, writing = os.pipe()
    command = [
        SCREEN,
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        "1280x800x24",
        "-nolisten",
        "tcp",
    ]
    with subprocess.Popen(
        command, cwd="/", pass_fds=[writing], stderr=subprocess.DEVNULL
    ) as server:
        os.close(writing)
        try:
            with open(reading, encoding="utf-8") as numbers:
                yield f":{numbers.readline().strip()}"
        finally:
            server.terminate()
