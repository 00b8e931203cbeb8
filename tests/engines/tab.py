"""What tests do with a tab, whichever the browser."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from typing import Any

# Seconds that one command may take. Nothing here takes one, on a machine that is not busy.
PATIENCE = 30


class Failed(Exception):
    """The browser did not do it, or not in time."""


class Tab(ABC):
    """The only tab of a browser. `version` is that of its engine."""

    version: str

    @abstractmethod
    def visit(self, url: str) -> None:
        """Go to a page and wait until it is there. One that leads elsewhere at once may fail."""

    @abstractmethod
    def evaluate(self, expression: str) -> str:
        """Return the text that a JavaScript expression, or its promise, comes to."""

    @abstractmethod
    def click(self, selector: str) -> None:
        """Click as a user does. What the click leads to may still be on its way."""

    @abstractmethod
    def press(self, text: str) -> None:
        """Type into what has the focus."""

    @abstractmethod
    def forget(self) -> None:
        """Start again, without cookies, storage or cache."""

    @abstractmethod
    def cookies(self) -> dict[str, dict[str, Any]]:
        """Return the cookies of this page's site, HttpOnly ones too, by their names."""

    def run(self, body: str, *arguments: Any) -> Any:
        """Run the body of an async function, whose arguments are `$0`, `$1` and so on."""
        names = ", ".join(f"${number}" for number in range(len(arguments)))
        call = f"(async ({names}) => {{{body}}})(...{json.dumps(arguments)})"
        return json.loads(self.evaluate(f"{call}.then(value => JSON.stringify(value ?? null))"))

    def fill(self, selector: str, text: str) -> None:
        self.run("document.querySelector($0).focus()", selector)
        self.press(text)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector($0)?.textContent ?? ''", selector))

    def wait_for(self, condition: str, *arguments: Any) -> Any:
        """Wait until an expression holds, on this page or one that comes; what it comes to."""
        deadline = time.monotonic() + PATIENCE
        failed: Failed | None = None
        while time.monotonic() < deadline:
            try:
                if value := self.run(f"return {condition}", *arguments):
                    return value
            except Failed as between_pages:
                failed = between_pages
            time.sleep(0.02)
        message = f"never held at {self.evaluate('location.href')}: {condition}"
        raise Failed(message) from failed
