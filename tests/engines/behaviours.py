"""What a browser does, measured as one cell of docs/browsers.json."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engines.sites import Sites
from engines.tab import Tab

Measure = Callable[[Tab, Sites], str]


@dataclass(frozen=True)
class Behaviour:
    """A row. Where a protection rests on it, `must` is how the text of every engine ends."""

    label: str
    measure: Measure
    must: str | None


BEHAVIOURS: list[Behaviour] = []


def behaviour(label: str, must: str | None = None) -> Callable[[Measure], Measure]:
    """Make a row of the table of a function, which gets a browser that was never used."""

    def add(measure: Measure) -> Measure:
        BEHAVIOURS.append(Behaviour(label, measure, must))
        return measure

    return add


def row(label: str, measure: Callable[..., str], *given: object, must: str | None = None) -> None:
    """Make a row of a function that is given more than the browser and the sites."""
    behaviour(label, must)(lambda tab, sites: measure(tab, sites, *given))
