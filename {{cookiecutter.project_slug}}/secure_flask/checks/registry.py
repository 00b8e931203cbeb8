"""`@check` registers a check of `flask check` with an id, a message and advice.

An id never changes its meaning, since scripts accept findings by id.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from flask import Flask

# Returns whether there is a finding, or one text for each finding to replace `{}` in the message.
CheckFunction = Callable[[Flask], bool | Iterable[str]]


class Finding(NamedTuple):
    """An insecure or missing setting; `level` is ERROR, WARNING or INFO of `logging`.

    `message` and `hint` must not contain a secret, since they appear in CI logs.
    """

    id: str
    level: int
    message: str
    hint: str


class NotChecked(Exception):
    """A check could not be made; its finding is reported with this reason."""


class Check(NamedTuple):
    finding: Finding
    run: CheckFunction
    deploy: bool

    def find(self, app: Flask) -> list[Finding]:
        try:
            result = self.run(app)
            subjects = [""] * result if isinstance(result, bool) else [*result]
        except NotChecked as error:
            return [self.finding._replace(message=f"This could not be checked: {error}.")]
        message = self.finding.message
        return [self.finding._replace(message=message.replace("{}", each)) for each in subjects]


CHECKS: dict[str, Check] = {}


def check(
    finding_id: str, level: int, message: str, hint: str, *, deploy: bool = False
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a function that takes the app; with `deploy` it runs only for `--deploy`.

    :raises ValueError: the id is taken.
    """

    def register(function: CheckFunction) -> CheckFunction:
        if finding_id in CHECKS:
            raise ValueError(f"There is a check {finding_id!r} already.")
        CHECKS[finding_id] = Check(Finding(finding_id, level, message, hint), function, deploy)
        return function

    return register


def findings(app: Flask, *, deploy: bool) -> list[Finding]:
    """The findings of all checks on this app, most severe first."""
    selected = [check for check in CHECKS.values() if deploy or not check.deploy]
    found = [finding for check in selected for finding in check.find(app)]
    return sorted(found, key=lambda finding: -finding.level)
