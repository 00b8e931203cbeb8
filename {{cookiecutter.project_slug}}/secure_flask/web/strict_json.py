"""Reads JSON that has one meaning, and refuses the rest; sends dates by ISO 8601.

Parsers disagree about which of two equal members counts, and about numbers that are not finite, so
one of them may check a value that another does not use. Deep nesting uses up Python's stack, and
other code fails with it, such as the code that gives a database connection back.

`request.get_json()` reads by these rules, and so does `@validated`.
Source: RFC 8259, sections 4, 6, 8.1 and 9; OWASP ASVS 15.3.7.
"""

import json
import re
from datetime import date, time
from itertools import accumulate
from math import isfinite
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

MAX_DEPTH = 100

# Brackets in strings are text. A string without an end is matched up to the end of the text, since
# another search at each quote would take seconds.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKET = re.compile(r"[\[\]{}]")
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def loads(text: str | bytes, **options: Any) -> Any:
    """Parse JSON; bytes are UTF-8. Options are those of `json.loads`, such as `parse_float`.

    :raises ValueError: it is not JSON, has a duplicate member, half of a surrogate pair or a number
        that no float can hold, or is nested deeper than MAX_DEPTH.
    :raises TypeError: an option would replace one of these checks.
    """
    text = text.decode() if isinstance(text, bytes) else text
    if _depth(text) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    parsed = json.loads(
        text,
        # json.loads would ignore it beside object_pairs_hook.
        object_hook=None,
        object_pairs_hook=_without_duplicates,
        parse_constant=_finite,
        **{"parse_float": _finite, **options},
    )
    if _ESCAPED_SURROGATE.search(text):
        # Half of a pair is no character: writing it to a database or a file would fail.
        json.dumps(parsed, ensure_ascii=False, default=str).encode()
    return parsed


def init_app(app: Flask) -> None:
    # Extensions derive their own provider from the class.
    app.json_provider_class = StrictJSONProvider
    app.json = StrictJSONProvider(app)


class StrictJSONProvider(DefaultJSONProvider):
    """Flask's JSON, read strictly; dates are written as ISO 8601, as the OpenAPI document says."""

    @staticmethod
    def default(value: Any) -> Any:
        if isinstance(value, date | time):
            return value.isoformat()
        return DefaultJSONProvider.default(value)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return loads(s, **kwargs)


def _depth(text: str) -> int:
    """How deep lists and objects are nested, up to where the text stops being JSON."""
    # Most texts have too few brackets to be deep.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    brackets = _BRACKET.findall(_STRING.sub("", text))
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _finite(text: str) -> float:
    # NaN, which is no JSON, is neither below nor above any limit; 1e999 would become infinite.
    number = float(text)
    if not isfinite(number):
        raise ValueError("not a finite number")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is duplicated")
    return members
