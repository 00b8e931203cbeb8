"""How far attacks and features get in a browser, at a level of Content-Security-Policy."""

from __future__ import annotations

import contextlib

from engines.sites import Sites
from engines.tab import Failed, Tab



def features(tab: Tab, sites: Sites) -> dict[str, str]:
    """Return which features work; a page of the site tries them all."""
    tab.visit(f"{sites.app().origin}/features")
    found: dict[str, str] = tab.wait_for("globalThis.found")
    return found


def attacks(tab: Tab, sites: Sites) -> tuple[dict[str, str], dict[str, str]]:
    """Return how far each attack of the project's own tests gets, and how far the policy lets it."""
    tried = {name: attack(tab, sites, name) for name in sites.attacks}
    seen, allowed = ({name: pair[which] for name, pair in tried.items()} for which in (0, 1))
    return seen, allowed


def attack(tab: Tab, sites: Sites, name: str) -> tuple[str, str]:
    """Try an attack, once more where nothing is heard of it."""
    for _ in range(2):
        tried = sites.ask("attack", name)
        # One that wins leaves the page while the browser still loads it.
        with contextlib.suppress(Failed):
            tab.visit(tried["start"])
        if tried["click"]:
            with contextlib.suppress(Failed):
                tab.click(tried["click"])
        outcome = sites.ask("outcome")
        if outcome != "nothing":
            break
    return str(outcome), "works" if tried["works"] else "stopped"
