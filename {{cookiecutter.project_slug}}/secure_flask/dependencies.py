"""Stops with the commands that help where a package is missing or too old, before it is imported.

A newer core may need more than the project's pyproject.toml lists. This imports the standard
library alone.
"""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

LISTED = Path(__file__).with_name("DEPENDENCIES")


def missing(listed: str) -> Iterator[str]:
    """Each `name>=version` that is not met; one marked `optional` counts only if it is installed."""
    for requirement, *optional in map(str.split, listed.splitlines()):
        name, _, lowest = requirement.partition(">=")
        try:
            installed = _version(name.partition("[")[0])
        except PackageNotFoundError:
            installed = lowest if optional else "0"
        if _numbers(installed) < _numbers(lowest):
            yield requirement


def _version(name: str) -> str:
    # `version` parses the metadata whole, which takes three times as long.
    text = distribution(name).read_text("METADATA") or ""
    found = re.search(r"^Version: (\S+)", text, re.MULTILINE)
    return found[1] if found else version(name)


def _numbers(text: str) -> list[int]:
    """The first four numbers of a version, without what follows them, as in 3.2.0rc1."""
    release = re.sub(r"[^\d.].*", "", text)
    return [int(number) for number in re.findall(r"\d+", f"{release}.0.0.0")][:4]


def require(listed: Path = LISTED) -> None:
    """Compare DEPENDENCIES with what is installed.

    :raises ImportError: a package is missing or too old.
    """
    # A program that was frozen into one file has no such list, and brings its packages.
    text = listed.read_text() if listed.exists() else ""
    if absent := " ".join(f"'{each}'" for each in missing(text)):
        raise ImportError(
            "secure_flask needs packages that are missing or too old. Run: .venv/bin/uv sync\n"
            f"Where pyproject.toml does not ask for them: .venv/bin/uv add {absent}"
        )


require()
