"""Finds misspelt names of settings and of policy.py, which nothing else would report.

A name that the code or a page of the project reads is never reported.
"""

import re
from collections import Counter
from collections.abc import Iterable
from logging import WARNING
from pathlib import Path

from flask import Flask

from app import misspellings
from app.checks.registry import check

_NAME = re.compile("[A-Z][A-Z0-9_]+")


@check(
    "settings.misspelt",
    WARNING,
    "Nothing reads {}.",
    "Correct the name in .env or the environment, or rename a variable of your own.",
)
def misspelt_settings(app: Flask) -> Iterable[str]:
    # Imported here, since `python -m app.settings` must not import that module twice.
    from app.settings import Settings

    times = _names(app)
    slips = {name: meant for name, meant in Settings.misspelt().items() if not times[name]}
    return [f"{name}, which is close to the setting {meant}" for name, meant in slips.items()]


@check(
    "policy.misspelt",
    WARNING,
    "Nothing reads {}.",
    "Correct the name in app/policy.py, or rename a constant of your own.",
)
def misspelt_policy(app: Flask) -> Iterable[str]:
    # Imported here, since a slip in policy.py must not keep `python -m app.settings` from working.
    from app import policy

    times = _names(app)
    # A name stands once in policy.py itself, where it is set.
    unread = {name for name in vars(policy) if name.isupper() and times[name] < 2}
    known = app.config.keys() - unread
    slips = {name: misspellings.meant(name, known) for name in sorted(unread)}
    return [f"{name}, which is close to {meant}" for name, meant in slips.items() if meant]


def _names(app: Flask) -> Counter[str]:
    """How often each upper-case name stands in the code and the pages of the project."""
    folder = Path(app.root_path)
    files = [*folder.parent.glob("*.py"), *folder.rglob("*.py"), *folder.rglob("*.html")]
    texts = (file.read_text("utf-8", errors="replace") for file in files)
    return Counter(name for text in texts for name in _NAME.findall(text))
