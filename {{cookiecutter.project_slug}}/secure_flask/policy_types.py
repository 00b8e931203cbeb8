"""The types of policy values: each refuses what a browser would misread, and says what to write.

A message begins with the name and the value, so the words here go on from there.
Source: RFC 9116, security.txt.
"""

import re
from collections.abc import Mapping
from typing import Annotated, TypeVar

from limits import parse_many
from pydantic import AfterValidator, PlainValidator, Strict
from secure_flask import csp_levels
from secure_flask.web.origins import is_origin

Item = TypeVar("Item")

MAX_NAME = 255  # characters of an issuer or audience, which are part of each token

_VISIBLE = re.compile(r"[!-~]+")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Proxies set these, or they override the method that CORS checked. What browsers set themselves,
# such as Cookie, they let no script set.
_FORBIDDEN = ("forwarded", "x-forwarded-", "x-http-method", "x-method-override", "x-real-ip")
# Headers that HEADER_CHANGES cannot change, and what decides on them.
_DECIDED_BY = {
    "access-control-allow-origin": "CORS_ORIGINS",
    "cache-control": "response.cache_control in the view",
    "content-length": "response.data in the view",
    "content-security-policy": "CSP_CHANGES",
    "content-security-policy-report-only": "CSP_CANDIDATE",
    "content-type": "response.content_type in the view",
    "x-frame-options": "FRAME_ANCESTORS",
}
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!-~]*)?")


def _token_name(name: str) -> str:
    if not _VISIBLE.fullmatch(name) or len(name) > MAX_NAME:
        raise ValueError(f"write 1 to {MAX_NAME} ASCII characters without spaces, or None")
    return name


def _token_prefix(prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("write 3 to 32 letters, digits and _, which begin with a letter")
    return prefix


def _one_limit(limit: str) -> str:
    if not is_one_limit(limit):
        raise ValueError("write one limit above 0")
    return limit


def is_one_limit(limit: str) -> bool:
    """Whether a text is a single limit above 0, as in "5 per minute"."""
    try:
        return [item.amount > 0 for item in parse_many(limit)] == [True]
    except ValueError:
        return False


def _origin(text: str) -> str:
    if not is_origin(text):
        raise ValueError(
            "write an origin, https://host or https://host:port, in lower case, without a path"
        )
    return text


def _ancestor(source: str) -> str:
    return source if source in (csp_levels.NONE, csp_levels.SELF) else _origin(source)


def _somebody(ancestors: list[str]) -> list[str]:
    if not ancestors:
        raise ValueError(f'write ["{csp_levels.NONE}"] for nobody')
    return ancestors


def _request_header(name: str) -> str:
    if not _HEADER.fullmatch(name) or name.lower().startswith(_FORBIDDEN):
        raise ValueError("it is no header that scripts may set: write a name as X-Requested-With")
    return name


def _changeable_header(name: str) -> str:
    if decided_by := _DECIDED_BY.get(name.lower()):
        raise ValueError(f"set {decided_by} instead")
    return name


def _csp_level(level: object) -> object:
    if not isinstance(level, csp_levels.Level | dict):
        raise ValueError("write a level, such as csp_levels.STRICT, or a dict of directives")
    return level


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("write the reason")
    return text


def _contact(text: str) -> str:
    if not (_EMAIL.fullmatch(text) or _URL.fullmatch(text)):
        raise ValueError("write an e-mail address or https URL")
    return text


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("write it on one line")
    return text


# Sets, tuples and generators serve as lists do.
Listed = Annotated[list[Item], Strict(False)]
TokenName = Annotated[str, AfterValidator(_token_name)]
TokenPrefix = Annotated[str, AfterValidator(_token_prefix)]
OneLimit = Annotated[str, AfterValidator(_one_limit)]
Origin = Annotated[str, AfterValidator(_origin)]
Ancestors = Annotated[Listed[Annotated[str, AfterValidator(_ancestor)]], AfterValidator(_somebody)]
RequestHeader = Annotated[str, AfterValidator(_request_header)]
ChangeableHeader = Annotated[str, AfterValidator(_changeable_header)]
CspLevel = Annotated[csp_levels.Level | Mapping[str, list[str]], PlainValidator(_csp_level)]
Contact = Annotated[str, AfterValidator(_contact)]
StatedReason = Annotated[str, AfterValidator(_reason)]
OneLine = Annotated[str, AfterValidator(_line)]
