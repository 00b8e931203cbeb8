"""Finds misspelt names of settings: a setting that nobody reads may be one that protects."""

from collections.abc import Iterable
from difflib import get_close_matches


def misspelt(given: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Each given name that is unknown and close to a known one, with the name that is meant."""
    candidates = sorted(known)
    unknown = set(given).difference(candidates)
    matches = {name: get_close_matches(name, candidates, n=1, cutoff=0.85) for name in unknown}
    return {name: meant[0] for name, meant in sorted(matches.items()) if meant}
