"""`flask check`, with a module for each group of checks, and the check before gunicorn starts.

`@register_check` registers a function that yields findings. Id and level stand in the decorator, so
that both are known even if nothing is found. An id never changes its meaning, since
ACCEPTED_FINDINGS accepts findings by id.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from flask import Flask

LEVELS = ("error", "warning")


class Finding(NamedTuple):
    """Something that is wrong: `Finding("The disk is nearly full.", hint="Delete old files.")`.

    `hint` says what to do. No text may contain a secret, since it appears in the logs of CI.
    """

    message: str
    hint: str
    # `@register_check` sets these two.
    id: str = ""
    level: str = ""


CheckFunction = Callable[[Flask], Iterable[Finding]]


class Check(NamedTuple):
    id: str
    level: str
    deploy: bool
    run: CheckFunction

    def find_findings(self, app: Flask) -> list[Finding]:
        return [found._replace(id=self.id, level=self.level) for found in self.run(app)]


CHECKS: dict[str, Check] = {}


def register_check(
    finding_id: str, level: str, *, deploy: bool = False
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a check of your own for `flask check`: `@register_check("disk.full", "warning")`.

    The function takes the app, and yields a `Finding` for each thing that is wrong. `level` is
    "error" or "warning". With `deploy` it runs only for `flask check --deploy`.

    :raises ValueError: the id is taken.
    """

    def add_check(function: CheckFunction) -> CheckFunction:
        if finding_id in CHECKS:
            raise ValueError(f"There is a check {finding_id!r} already.")
        CHECKS[finding_id] = Check(finding_id, level, deploy, function)
        return function

    return add_check


def find_all_findings(app: Flask, *, deploy: bool) -> list[Finding]:
    """The findings of all checks on this app, most severe first."""
    selected = [each for each in CHECKS.values() if deploy or not each.deploy]
    found = [finding for check in selected for finding in check.find_findings(app)]
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))
