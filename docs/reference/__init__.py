"""A row of a table of these pages, and the project that it describes."""

from typing import Any, NamedTuple

from tools.benchmarks.rendered import TEMPLATE, module

FOLDER = TEMPLATE / "{{cookiecutter.project_slug}}"


class Fact(NamedTuple):
    """All of a row but its last cell, which is written by hand."""

    cells: list[str]
    of_accounts: bool


Facts = dict[str, Fact]


def create_app(**values: object) -> Any:
    """The app of the rendered project, in development, with a new secret and an empty database."""
    settings = module("secure_flask.testing").settings(
        module("app.settings").Settings,
        database_url="sqlite:///:memory:",
        redis_url=None,
        log_level="ERROR",
    )
    return module("app").create_app(settings, **values)


def is_of_accounts(function: Any) -> bool:
    module: str = function.__module__
    return module.startswith(("app.accounts", "secure_flask.accounts"))
