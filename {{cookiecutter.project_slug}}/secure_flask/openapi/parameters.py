"""Describes the parameters of an operation: those of its path, and those of its query.

Source: OpenAPI Specification 3.1.1, "Parameter Object".
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from secure_flask.web.queries import parameters_of
from werkzeug.routing import (
    AnyConverter,
    BaseConverter,
    FloatConverter,
    IntegerConverter,
    Map,
    Rule,
    UUIDConverter,
)

Json = dict[str, object]
Converters = Mapping[str, type[BaseConverter]]


class _DescribedRule(Rule):
    """A rule that keeps the converters of its parameters, in the order of the path."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.converters: dict[str, BaseConverter] = {}

    def get_converter(self, variable_name: str, *arguments: Any, **options: Any) -> BaseConverter:
        converter = super().get_converter(variable_name, *arguments, **options)
        self.converters[variable_name] = converter
        return converter


def parameters_of_path(path: str, converters: Converters) -> list[Json]:
    """The parameters of a path as Flask writes it, such as `/orders/<int:number>`."""
    rule = _DescribedRule(path)
    # The map calls `get_converter` when it takes the rule.
    Map([rule], converters=converters)
    return [
        _parameter(name, "path", _schema(converter), required=True)
        for name, converter in rule.converters.items()
    ]


def parameters_of_query(model: type[BaseModel]) -> list[Json]:
    """The parameters of a model of `@validated_query`."""
    return [
        _parameter(name, "query", each.schema, required=each.required)
        for name, each in parameters_of(model).items()
    ]


def _parameter(name: str, place: str, schema: Json, *, required: bool) -> Json:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _schema(converter: BaseConverter) -> Json:
    match converter:
        case IntegerConverter():
            return {"type": "integer"} | _bounds(converter)
        case FloatConverter():
            return {"type": "number"} | _bounds(converter)
        case UUIDConverter():
            return {"type": "string", "format": "uuid"}
        case AnyConverter():
            return {"type": "string", "enum": sorted(converter.items)}
    return {"type": "string", "minLength": 1}


def _bounds(converter: IntegerConverter | FloatConverter) -> Json:
    minimum = 0 if converter.min is None and not converter.signed else converter.min
    bounds = {"minimum": minimum, "maximum": converter.max}
    return {name: bound for name, bound in bounds.items() if bound is not None}
