"""Reads JSON that has one meaning, and refuses the rest; sends dates by ISO 8601.

Parsers disagree about which of two equal members counts, and about numbers that are not finite. So
one parser may check a value, and another one use a different value. Deep nesting exhausts Python's
stack, and then other code fails, such as the code that returns a database connection.

`request.get_json()` reads by these rules, and so does `@validated`.
Source: RFC 8259, sections 4, 6, 8.1 and 9; OWASP ASVS 15.3.7.
"""

import json
from datetime import date, time
from math import isfinite
from typing import Any

from flask import Flask, Request, current_app
from flask.json.provider import DefaultJSONProvider, JSONProvider
from pydantic_core import from_json
from secure_flask.web.flask_hooks import add_request_check, on_top_of
from secure_flask.web.origins import PolicyError

_REPLACED = (
    "app.json was replaced after secure_flask.init_app, so JSON would not be read strictly: set it "
    "above init_app, which keeps how your class writes."
)


def loads(text: str | bytes, **options: Any) -> Any:
    """Parse JSON; bytes are UTF-8. Options are those of `json.loads`, such as `parse_float`.

    :raises ValueError: it is not JSON, has a duplicate member, half of a surrogate pair or a number
        that no float can hold, or is nested deeper than 200 lists and objects.
    :raises TypeError: an option would replace one of these checks.
    """
    # pydantic's parser refuses deep nesting, half of a surrogate pair, NaN, and all but UTF-8.
    from_json(text, allow_inf_nan=False)
    options = {"parse_float": _finite, **options}
    # json.loads would ignore a caller's object_hook. Here it is a TypeError, as it is given twice.
    return json.loads(text, object_hook=None, object_pairs_hook=_without_duplicates, **options)


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: at a request, `app.json` was replaced after `init_app`.
    """
    own = type(app.json)
    # An app whose provider overrides `default` still writes by it.
    writes_itself = getattr(own, "default", None) is not DefaultJSONProvider.default
    ours = StrictReading if writes_itself else StrictJSONProvider
    # Extensions derive their own provider from the class.
    app.json_provider_class = on_top_of(own, ours, DefaultJSONProvider)
    settings = vars(app.json)
    app.json = app.json_provider_class(app)
    vars(app.json).update(settings)
    add_request_check(app, _check_provider)


class StrictReading(JSONProvider):
    """Reads JSON strictly. Another class writes it."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return loads(s, **kwargs)


class StrictJSONProvider(StrictReading, DefaultJSONProvider):
    """Flask's JSON, read strictly; dates are written as ISO 8601, as the OpenAPI document says."""

    @staticmethod
    def default(value: object) -> object:
        if isinstance(value, date | time):
            return value.isoformat()
        return DefaultJSONProvider.default(value)


def _check_provider(request: Request) -> None:
    if not isinstance(current_app.json, StrictReading):
        raise PolicyError(_REPLACED)


def _finite(text: str) -> float:
    # 1e999 would become infinite, which is neither below nor above any limit.
    number = float(text)
    if not isfinite(number):
        raise ValueError("not a finite number")
    return number


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is duplicated")
    return members
