"""Finds misspelt names of settings: a setting that nobody reads may be one that protects."""

from collections.abc import Iterable
from difflib import SequenceMatcher

MIN_LENGTH = 6  # letters
_NO_LETTERS = str.maketrans("", "", "-_")


def misspelt(given: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Each given name that is unknown and a slip of a known one, with the name that is meant."""
    known = sorted(known)
    unknown = sorted(set(given).difference(known))
    meant = {name: [each for each in known if _is_slip(name, each)] for name in unknown}
    return {name: names[0] for name, names in meant.items() if names}


def _is_slip(name: str, known: str) -> bool:
    """Whether the names differ by one letter, dashes aside.

    A name of your own differs by more, or ends with a number, as in DATABASE_URL_2. A short name
    is close to too many others.
    """
    name, known = name.translate(_NO_LETTERS), known.translate(_NO_LETTERS)
    longest = max(len(name), len(known))
    # Before the comparison, which takes far longer.
    if longest < MIN_LENGTH or abs(len(name) - len(known)) > 1 or name[-1:].isdigit():
        return False
    blocks = SequenceMatcher(None, name, known, autojunk=False).get_matching_blocks()
    return longest - sum(block.size for block in blocks) <= 1
