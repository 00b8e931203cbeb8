"""Measures every cell of docs/browsers.json, one browser at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import support
from engines import (
    ENGINES,
    cross_site,
    leaving,
    logins,
    other_sites,
    pages,
    policies,
    sites,
    started,
)
from engines.behaviours import Behaviour
from engines.sites import Sites
from engines.tab import Failed, Tab

LEVELS = support.CHOICES["csp"]
BEHAVIOUR, FEATURE, ATTACK, WAY_OUT = "Behaviour", "Feature", "Attack", "Way out"
# Whose rows the table has: to import them is to add them.
MODULES = [logins, pages, other_sites, cross_site]


@dataclass(frozen=True)
class Cell:
    """What one row of a table says of one engine, and of one level where levels differ."""

    kind: str
    row: str
    engine: str
    level: str = ""


Cells = dict[Cell, str]
Found = TypeVar("Found")


def in_a_browser(engine: str, project: Path, measure: Callable[[Tab, Sites], Found]) -> Found:
    """Measure in a browser that was never used, and again in another where that one hangs."""
    with contextlib.suppress(Failed), started(engine) as tab, sites.serving(project) as served:
        return measure(tab, served)
    with started(engine) as tab, sites.serving(project) as served:
        return measure(tab, served)


def behaviours(engine: str, project: Path, rows: list[Behaviour]) -> Cells:
    def measure(tab: Tab, served: Sites) -> Cells:
        return {Cell(BEHAVIOUR, each.label, engine): measured(each, tab, served) for each in rows}

    return in_a_browser(engine, project, measure)


def measured(behaviour: Behaviour, tab: Tab, served: Sites) -> str:
    try:
        return behaviour.measure(tab, served)
    except (Failed, AssertionError):
        # Chromium drops requests whenever the machine gets an address, as for a container.
        tab.forget()
        return behaviour.measure(tab, served)


def features(engine: str, project: Path, level: str) -> Cells:
    found = in_a_browser(engine, project, policies.features)
    return {Cell(FEATURE, name, engine, level): text for name, text in found.items()}


def attacks(
    engine: str, project: Path, level: str, known: Cells | None = None
) -> tuple[Cells, Cells]:
    """Return which attacks work at a level, and which the policy lets work.

    For what is known to be stopped in silence it takes no long wait.
    """
    silent = {
        cell.row
        for cell, text in (known or {}).items()
        if (cell.engine, cell.level, text) == (engine, level, policies.SILENT)
    }
    tried = in_a_browser(engine, project, lambda tab, served: policies.attacks(tab, served, silent))
    seen = {Cell(ATTACK, name, engine, level): text for name, (text, _) in tried.items()}
    return seen, {Cell(ATTACK, name, engine, level): text for name, (_, text) in tried.items()}


def ways_out(engine: str, project: Path, known: Cells | None = None) -> Cells:
    """Return what closes each way out of a page of a project at the level `paranoid`."""
    found = leaving.outcomes(engine, project, known_ways(engine, known or {}))
    return {Cell(WAY_OUT, name, engine): text for name, text in found.items()}


def known_ways(engine: str, known: Cells) -> dict[str, str]:
    """Return what a table says of each way out in one engine."""
    return {
        cell.row: text
        for cell, text in known.items()
        if (cell.kind, cell.engine) == (WAY_OUT, engine)
    }


@cache
def version(engine: str) -> str:
    with started(engine) as tab:
        return tab.version


def versions() -> dict[str, str]:
    return {engine: version(engine) for engine in ENGINES}
