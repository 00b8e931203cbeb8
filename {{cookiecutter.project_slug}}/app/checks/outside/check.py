"""`@outside_check` registers a check of the deployed site, which runs only with `--url`."""

from collections.abc import Callable, Iterable

from flask import Flask, g

from app.checks.outside.site import Site
from app.checks.registry import check

OutsideFunction = Callable[[Site], Iterable[str]]


def outside_check(
    finding_id: str, level: int, message: str, hint: str, *, even_unreachable: bool = False
) -> Callable[[OutsideFunction], OutsideFunction]:
    """Register a function that takes the site and returns one text for each finding.

    With `even_unreachable` it also runs when the site does not answer at all.
    """

    def register(function: OutsideFunction) -> OutsideFunction:
        def run(app: Flask) -> Iterable[str]:
            site: Site | None = g.get("site")
            if site is None or (site.problem and not even_unreachable):
                return []
            return function(site)

        check(finding_id, level, message, hint, deploy=True)(run)
        return function

    return register
