"""The types of policy values: each refuses what a browser would misread, and says what to write.

policy.py puts the name and the wrong value before each message.
Source: RFC 9116, security.txt.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from limits import parse_many
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, Strict
from secure_flask import csp_levels
from secure_flask.web.origins import is_link, is_origin

Item = TypeVar("Item")

MAX_BODY_SIZE = 64 * 1024  # bytes of a request body, by default
MAX_NAME = 255  # characters of an issuer or audience, which are part of each token

_VISIBLE = re.compile(r"[!-~]+")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}")
# Of what RFC 9110 allows, only what OpenAPI allows in a name too.
_TOKEN_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
# Browsers answer a challenge of these by themselves, or were meant to. Source: the registry of HTTP
# authentication schemes of the IANA; RFC 4559, Negotiate and NTLM; RFC 9577, PrivateToken.
_SENT_BY_BROWSERS = frozenset(
    {
        *("basic", "concealed", "digest", "hoba", "mutual", "negotiate", "ntlm", "privatetoken"),
        *("scram-sha-1", "scram-sha-256"),
    }
)
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Proxies set these, or they override the method that CORS checked. Browsers stop scripts from
# setting others, such as Cookie.
_FORBIDDEN = ("forwarded", "x-forwarded-", "x-http-method", "x-method-override", "x-real-ip")
_ARGON2 = "$argon2"  # how each new hash begins
# HEADER_CHANGES cannot change these headers. The value says what to set instead.
_DECIDED_BY = {
    "access-control-allow-origin": "CORS_ORIGINS",
    "connection-allowlist": "LINKS",
    "connection-allowlist-report-only": "CSP_CANDIDATE",
    "cache-control": "response.cache_control in the view",
    "content-length": "response.data in the view",
    "content-security-policy": "CSP_CHANGES",
    "content-security-policy-report-only": "CSP_CANDIDATE",
    "content-type": "response.content_type in the view",
    "x-frame-options": "FRAME_ANCESTORS",
}
_LINK_ADVICE = (
    "write an origin, https://host or https://host:port, in lower case, without a path. "
    "https://*.host stands for all subdomains, sms: for links of that kind. This site itself, "
    "mailto: and tel: are always allowed; LINKS = None allows any site"
)
# Attackers try billions of passwords a second against a stolen hash of these kinds.
_FAST_HASH = re.compile(
    r"\W*(?:un)?(?:salted[_-])?(?:hex[_-])?s?(?:md5|sha)|\$1\$|\$apr1\$", re.IGNORECASE
)
# The result of one round of MD5 or SHA, whatever mark stands before it.
_DIGEST = re.compile(r"(?:[0-9A-Fa-f]{8}){4,16}")
# The mark before a hash, such as scrypt: or $2b$. A hash without one may begin with any character.
_SCHEME = re.compile(r"\$\w.*|\{?[A-Za-z].*[$:}]", re.ASCII)
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


def _token_scheme(scheme: str) -> str:
    if not _TOKEN_SCHEME.fullmatch(scheme):
        raise ValueError("write letters, digits, ., _ and -, which begin with a letter")
    if scheme.lower() in _SENT_BY_BROWSERS:
        raise ValueError(
            "browsers send it by themselves, so any site could write by the login of a user: write "
            "a scheme that only your clients send, such as 'Bearer' or 'Token'"
        )
    return scheme


def _some_scheme(schemes: list[str]) -> list[str]:
    if not schemes:
        raise ValueError("write ['Bearer'], or the schemes that your clients send")
    return schemes


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
    # A line that changes the constant later would change what is sent.
    if isinstance(level, csp_levels.Level):
        return level._replace(directives=_copied(level.directives))
    return _copied(level)


def _copied(directives: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [*sources] if isinstance(sources, list) else sources
        for name, sources in directives.items()
    }


def _links(links: object) -> object:
    if links is None or links == csp_levels.BY_LEVEL:
        return links
    if not isinstance(links, list | tuple | set | frozenset):
        raise ValueError("write a list of other sites, or None for any site")
    for link in links:
        if not (isinstance(link, str) and is_link(link)):
            raise ValueError(f"it holds {link!r}: {_LINK_ADVICE}")
    return [*links]


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("write the reason")
    return text


def _contact(text: str) -> str:
    if not (_EMAIL.fullmatch(text) or _URL.fullmatch(text)):
        raise ValueError("write an e-mail address or https URL")
    return text


def _legacy_hashes(named: object) -> object:
    match [*named.items()] if isinstance(named, Mapping) else None:
        case []:
            return {}
        case [(str(prefix), (check, str(sample)))] if callable(check):
            _require_legacy_prefix(prefix, sample)
            return {prefix: (check, sample)}
        case [_, _, *_]:
            raise ValueError("write one scheme: wrap the hashes of all others at the import")
    raise ValueError(
        "write the prefix of the hashes, the function that checks one, and a sample hash, as in "
        '{"scrypt:": (check_password_hash, "scrypt:32768:8:1$…")}'
    )


def _require_legacy_prefix(prefix: str, sample: str) -> None:
    """
    :raises ValueError: other hashes would count as old ones, or the old ones are fast.
    """
    if prefix != _ARGON2 and _ARGON2.startswith(prefix):
        raise ValueError(f"{prefix!r} is a prefix of new hashes too: write a longer one")
    if not sample.startswith(prefix):
        raise ValueError(f"the sample has to begin with {prefix!r}")
    # The sample decides, since the prefix may be as short as the m of md5.
    if _FAST_HASH.match(sample) or _DIGEST.fullmatch(sample.removeprefix(prefix)):
        raise ValueError(
            f"{prefix!r} is a fast hash: hash what is stored once more at the import, by scrypt, "
            "and let the check do both, as the page about users that exist shows"
        )
    if not _SCHEME.fullmatch(prefix):
        raise ValueError(
            f"{prefix!r} names no scheme: write all of the mark that its hashes begin with, as "
            "'scrypt:', 'pbkdf2_sha256$' or '$2b$'. If they have none, put one before each hash at "
            "the import, and let the check remove it"
        )


def _body_size(size: object) -> object:
    return MAX_BODY_SIZE if size is None else size


def _words(text: object) -> object:
    # A lazy text, such as Flask-Babel's, has words only in a request. So only its type is checked.
    if not isinstance(text, str) and not hasattr(type(text), "__html__"):
        raise ValueError("write a text, or one of lazy_gettext")
    return text


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("write it on one line")
    return text


# Sets, tuples and generators are accepted as lists.
Listed = Annotated[list[Item], Strict(False)]
TokenName = Annotated[str, AfterValidator(_token_name)]
TokenPrefix = Annotated[str, AfterValidator(_token_prefix)]
OneLimit = Annotated[str, AfterValidator(_one_limit)]
Origin = Annotated[str, AfterValidator(_origin)]
Ancestors = Annotated[Listed[Annotated[str, AfterValidator(_ancestor)]], AfterValidator(_somebody)]
RequestHeader = Annotated[str, AfterValidator(_request_header)]
ChangeableHeader = Annotated[str, AfterValidator(_changeable_header)]
CspLevel = Annotated[csp_levels.Level | Mapping[str, list[str]], PlainValidator(_csp_level)]
Links = Annotated[list[str] | Literal["level"] | None, PlainValidator(_links)]
Contact = Annotated[str, AfterValidator(_contact)]
StatedReason = Annotated[str, AfterValidator(_reason)]
LegacyHashes = Annotated[
    dict[str, tuple[Callable[[str, str], bool], str]], PlainValidator(_legacy_hashes)
]
BodySize = Annotated[int, BeforeValidator(_body_size), Field(ge=0)]
TokenScheme = Annotated[str, AfterValidator(_token_scheme)]
TokenSchemes = Annotated[Listed[TokenScheme], AfterValidator(_some_scheme)]
# A str, or a lazy text, which becomes a str in a request.
Words = Annotated[Any, PlainValidator(_words)]
OneLine = Annotated[str, AfterValidator(_line)]
