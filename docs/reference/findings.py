"""Each finding of `flask check`: its level, and whether only `--deploy` looks for it."""

from docs.reference import Fact, Facts, create_app, is_of_accounts
from tools.benchmarks.rendered import module


def facts() -> Facts:
    # The app imports the modules that register a check.
    create_app()
    found = Facts()
    for check in module("secure_flask.checks").CHECKS.values():
        level = f"{check.level}, `--deploy`" if check.deploy else check.level
        found[check.id] = Fact([f"`{check.id}`", level], is_of_accounts(check.run))
    return found
