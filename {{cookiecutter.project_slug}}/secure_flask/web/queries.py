"""Validates the parameters of an address against a model, and refuses everything else with 400.

A parameter is a text. Numbers, `true` and `false` are written as in JSON, so that each value has one
spelling. A refused value is never echoed, since an address may hold a secret such as a mailed link.
Source: OWASP ASVS 2.2.1, 15.3.3; RFC 8259, section 6.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, wraps
from typing import Any, NamedTuple

from flask import current_app, request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json
from secure_flask.web.errors import plain_error
from secure_flask.web.validation import refused_by_model
from secure_flask.web.view_options import Decorated, add_options

Json = dict[str, Any]

# The number 1e308 has 309 digits, and Python converts no text of more than 4,300.
_MAX_NUMBER = 400  # characters
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class Query(BaseModel):
    """The base class of models for the parameters of an address: no unknown ones, no infinity.

    `class Page(Query)` with `page: Annotated[int, Field(ge=1)] = 1`. A list takes a parameter that
    is repeated. `class Page(Query, extra="ignore")` lets unknown parameters pass, such as the
    `utm_source` of a link in a mail.
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )


class Parameter(NamedTuple):
    """One parameter of a model, as OpenAPI describes it."""

    schema: Json
    required: bool
    # The types of JSON that a value may have.
    types: frozenset[str]
    is_list: bool


def validated_query(model: type[Query]) -> Callable[[Decorated], Decorated]:
    """Pass the parameters of the address to the view as the keyword `query`, or respond 400.

    `@validated_query(Page)` above `def list_orders(*, query: Page)`. The 400 has `error` (str) and
    `fields`, a dict with a reason (str) for each wrong parameter, as that of `@validated`.
    """

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapped(*args: object, **kwargs: object) -> object:
            query = _read_query(model)
            return current_app.ensure_sync(view)(*args, query=query, **kwargs)

        return add_options(wrapped, query=model)

    return decorate


@cache
def parameters_of(model: type[BaseModel]) -> dict[str, Parameter]:
    """The parameters of a model by the names that a client sends."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return {
        name: _parameter(_inlined(each, schema.get("$defs", {})), required=name in required)
        for name, each in schema.get("properties", {}).items()
    }


def _read_query(model: type[Query]) -> Query:
    """
    :raises ErrorResponse: 400, the parameters are not those of the model.
    """
    try:
        sent = request.args.to_dict(flat=False)
    except UnicodeDecodeError:
        raise plain_error(400) from None
    try:
        # Only JSON has dates and ids as texts that a strict model accepts.
        return model.model_validate_json(_as_json(model, sent))
    except ValidationError as error:
        raise refused_by_model(model, error) from None


def _as_json(model: type[Query], sent: dict[str, list[str]]) -> str:
    parameters = parameters_of(model)
    members = []
    for name, texts in sent.items():
        known = parameters.get(name)
        values = [_value(text, known.types if known else frozenset()) for text in texts]
        # A list in place of one value is refused by the model.
        several = len(values) > 1 or (known is not None and known.is_list)
        value = f"[{','.join(values)}]" if several else values[0]
        members.append(f"{_text(name)}:{value}")
    return "{" + ",".join(members) + "}"


def _value(text: str, types: frozenset[str]) -> str:
    """The JSON of a number or a boolean where the model takes one and the text is one, or of a text."""
    is_number = _NUMBER.fullmatch(text) and len(text) <= _MAX_NUMBER
    takes_numbers = not types.isdisjoint(("integer", "number"))
    is_boolean = "boolean" in types and text in ("true", "false")
    return text if is_boolean or (takes_numbers and is_number) else _text(text)


def _text(text: str) -> str:
    return to_json(text).decode()


def _parameter(schema: Json, *, required: bool) -> Parameter:
    schema = _without_null(schema)
    is_list = schema.get("type") == "array"
    # The schema of a tuple has no items, and describes each of its places.
    items = schema.get("items", {"anyOf": schema.get("prefixItems", [])})
    types = frozenset(_types(items if is_list else schema))
    return Parameter(schema, required, types, is_list)


def _without_null(schema: Json) -> Json:
    """The schema of what may be sent: a client leaves a parameter out, and cannot send null."""
    kept = {name: part for name, part in schema.items() if (name, part) != ("default", None)}
    if "anyOf" not in kept:
        return kept
    choices = [each for each in kept.pop("anyOf") if each.get("type") != "null"]
    return kept | (choices[0] if len(choices) == 1 else {"anyOf": choices})


def _types(schema: Json) -> Iterator[str]:
    for each in schema.get("anyOf", [schema]):
        yield each.get("type", "string")


def _inlined(part: Any, definitions: Json) -> Any:
    """A part of a schema with each reference, such as one to an enum, replaced by what it names."""
    if isinstance(part, list):
        return [_inlined(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    named = definitions[part["$ref"].rpartition("/")[2]] if "$ref" in part else {}
    own = {name: each for name, each in part.items() if name != "$ref"}
    return {name: _inlined(each, definitions) for name, each in {**named, **own}.items()}
