"""`@check` registers a check of `flask check` with an id; its docstring is message and advice.

An id never changes its meaning, since ACCEPTED_FINDINGS accepts findings by id.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from flask import Flask

# Returns whether there is a finding, or one text for each finding to replace `{}` in the message.
CheckFunction = Callable[[Flask], bool | Iterable[str]]
LEVELS = ("error", "warning")


class Finding(NamedTuple):
    """An insecure or missing setting. No text may contain a secret: it appears in CI logs."""

    id: str
    level: str
    message: str
    advice: str


class Check(NamedTuple):
    finding: Finding
    run: CheckFunction
    deploy: bool

    def find(self, app: Flask) -> list[Finding]:
        result = self.run(app)
        subjects = [""] * result if isinstance(result, bool) else result
        message = self.finding.message
        return [self.finding._replace(message=message.replace("{}", each)) for each in subjects]


CHECKS: dict[str, Check] = {}


def check(
    finding_id: str, level: str, *, deploy: bool = False
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a function that takes the app; with `deploy` it runs only for `--deploy`.

    Its docstring is the message, an empty line, and the advice.

    :raises ValueError: the id is taken.
    """

    def register(function: CheckFunction) -> CheckFunction:
        if finding_id in CHECKS:
            raise ValueError(f"There is a check {finding_id!r} already.")
        # `python -OO` removes docstrings.
        message, _, advice = (function.__doc__ or finding_id).partition("\n\n")
        texts = (" ".join(text.split()) for text in (message, advice))
        CHECKS[finding_id] = Check(Finding(finding_id, level, *texts), function, deploy)
        return function

    return register


def findings(app: Flask, *, deploy: bool) -> list[Finding]:
    """The findings of all checks on this app, most severe first."""
    selected = [check for check in CHECKS.values() if deploy or not check.deploy]
    found = [finding for check in selected for finding in check.find(app)]
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))
