"""Stops the start if a package is missing or too old, and names the commands that help.

A newer core may need more than the project's pyproject.toml lists. This module imports only the
standard library and `packaging`, which may be missing too.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

LISTED = Path(__file__).with_name("DEPENDENCIES")
ENVIRONMENT = Path(__file__).absolute().parents[1] / ".venv"


def missing(listed: str) -> Iterator[str]:
    """Each `name>=version` that is not met. One marked `optional` counts only if installed."""
    for requirement, *optional in map(str.split, listed.splitlines()):
        name, _, _ = requirement.partition(">=")
        try:
            met = _is_met(requirement, version(name.partition("[")[0]))
        except PackageNotFoundError:
            met = bool(optional)
        if not met:
            yield requirement


def _is_met(requirement: str, installed: str) -> bool:
    if not find_spec("packaging"):
        # No version can be compared without `packaging`.
        return not requirement.startswith("packaging>=")
    from packaging.requirements import Requirement

    return Requirement(requirement).specifier.contains(installed, prereleases=True)


def _is_another_python() -> bool:
    """Whether the project has an environment, and this Python runs outside it."""
    return ENVIRONMENT.exists() and Path(sys.prefix).resolve() != ENVIRONMENT.resolve()


def require(listed: Path = LISTED) -> None:
    """Compare DEPENDENCIES with what is installed.

    :raises ImportError: a package is missing or too old, as where another Python than .venv's runs.
    """
    # A program that is frozen into one file has no DEPENDENCIES, and contains its packages.
    text = listed.read_text() if listed.exists() else ""
    if absent := " ".join(f"'{each}'" for each in missing(text)):
        if _is_another_python():
            raise ImportError(
                f"{sys.executable} runs this, and lacks packages of secure_flask. The project has "
                f"its Python in {ENVIRONMENT}. Write .venv/bin/flask, or .venv/bin/python."
            )
        raise ImportError(
            "secure_flask needs packages that are missing or too old. Run: .venv/bin/uv sync\n"
            f"Where pyproject.toml does not ask for them: .venv/bin/uv add {absent}"
        )


require()
