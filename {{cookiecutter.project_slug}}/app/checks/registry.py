"""`@check` registers what `flask check` looks at: under one id, one sentence and what to do.

An id keeps its meaning, since scripts accept a finding by it.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from flask import Flask

# Whether something is found; or what each finding is about, for `{}` in the message.
Look = Callable[[Flask], bool | Iterable[str]]


class Finding(NamedTuple):
    """Something loose or missing: `level` is one of logging's ERROR, WARNING and INFO.

    Neither `message` nor `hint` holds a secret: they stand in the logs of builds.
    """

    id: str
    level: int
    message: str
    hint: str


class Check(NamedTuple):
    finding: Finding
    look: Look
    deploy: bool

    def find(self, app: Flask) -> list[Finding]:
        found = self.look(app)
        about = [""] * found if isinstance(found, bool) else found
        message = self.finding.message
        return [self.finding._replace(message=message.replace("{}", each)) for each in about]


CHECKS: dict[str, Check] = {}


def check(
    finding_id: str, level: int, message: str, hint: str, *, deploy: bool = False
) -> Callable[[Look], Look]:
    """Register a function that takes the app; one with `deploy` is asked by `--deploy` alone.

    :raises ValueError: the id is taken.
    """

    def register(look: Look) -> Look:
        if finding_id in CHECKS:
            raise ValueError(f"There is a check {finding_id!r} already.")
        CHECKS[finding_id] = Check(Finding(finding_id, level, message, hint), look, deploy)
        return look

    return register


def findings(app: Flask, *, deploy: bool) -> list[Finding]:
    """What the checks find in this app, the worst first."""
    asked = [check for check in CHECKS.values() if deploy or not check.deploy]
    found = [finding for check in asked for finding in check.find(app)]
    return sorted(found, key=lambda finding: -finding.level)
