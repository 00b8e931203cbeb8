"""How far attacks and features get in a browser, at a level of Content-Security-Policy."""

from __future__ import annotations

import contextlib

from engines.sites import Sites
from engines.tab import Failed, Tab

# No report came, and the attacker did not win.
SILENT = "stopped, not reported"
# Seconds until a report or a win counts as missing. The browser sends both at once, and what a page
# starts by itself has started by the time that it has loaded.
PATIENCE, KNOWN_PATIENCE = 10, 2


def features(tab: Tab, sites: Sites) -> dict[str, str]:
    """Return which features work; a page of the site tries them all."""
    tab.visit(f"{sites.app().origin}/features")
    found: dict[str, str] = tab.wait_for("globalThis.found")
    return found


def attacks(tab: Tab, sites: Sites, silent: set[str]) -> dict[str, tuple[str, str]]:
    """Return the outcome of each attack in the project's own tests, and what the policy allows."""
    return {name: attack(tab, sites, name, silent=name in silent) for name in sites.attacks}


def attack(tab: Tab, sites: Sites, name: str, *, silent: bool) -> tuple[str, str]:
    """Try an attack, once more where nothing is heard of it, unless that is known.

    A browser that no longer answers would seem to stop everything, so that is `Failed`.
    """
    for _ in range(1 if silent else 2):
        tried = sites.ask("attack", name)
        # One that wins leaves the page while the browser still loads it.
        with contextlib.suppress(Failed):
            tab.visit(tried["start"])
        if tried["click"]:
            with contextlib.suppress(Failed):
                tab.click(tried["click"])
        outcome = sites.ask("outcome", KNOWN_PATIENCE if silent else PATIENCE)
        if outcome != "nothing":
            break
        tab.evaluate("1")
    return {"nothing": SILENT}.get(outcome, outcome), "works" if tried["works"] else "stopped"
