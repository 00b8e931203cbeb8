"""Finds the name that is meant by a misspelt one, which nothing would read.

A slip is one letter that is missing, added, wrong or swapped with its neighbour. A name that
differs by more is most likely one of your own, such as OLD_DATABASE_URL. So is a name that differs
by a digit, such as DATABASE_URL_2.
"""

import os
import re
from collections.abc import Iterable, Mapping
from itertools import takewhile


def of_settings(settings: set[str], written: Mapping[str, str | None]) -> dict[str, str]:
    """Each misspelt name in the environment or in `.env`, with the setting that is meant.

    A name is no slip if that setting has a value: it is most likely one of your own.
    """
    given = {**written, **{name.upper(): value for name, value in os.environ.items()}}
    unset = {name for name in settings if not given.get(name)}
    slips = {name: meant(name, unset) for name in sorted(given.keys() - settings)}
    return {name: setting for name, setting in slips.items() if setting}


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that is meant, or None."""
    return next((other for other in sorted(known) if _is_slip(name, other)), None)


def _is_slip(name: str, other: str) -> bool:
    """Whether two names differ in one letter, or in nothing but `_` and `-`."""
    one, two = _without_ends_in_common(_letters(name), _letters(other))
    swapped = len(one) == 2 and one == two[::-1]
    one_letter = max(len(one), len(two)) < 2 and not re.search("[0-9]", one + two)
    return name != other and (one_letter or swapped)


def _letters(name: str) -> str:
    return re.sub("[_-]", "", name)


def _without_ends_in_common(one: str, two: str) -> tuple[str, str]:
    start = _in_common(one, two)
    one, two = one[start:], two[start:]
    end = _in_common(one[::-1], two[::-1])
    return one[: len(one) - end], two[: len(two) - end]


def _in_common(one: str, two: str) -> int:
    """How many letters both begin with."""
    pairs = zip(one, two, strict=False)
    return len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
