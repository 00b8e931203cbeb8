"""The policy: each name that app/policy.py may set, with its type, its default and the reason.

Other upper-case names there are Flask's, an extension's or yours; `flask check` reports one that
is close to a name here.
"""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from secure_flask import csp_levels
from secure_flask.policy_types import (
    MAX_BODY_SIZE,
    Ancestors,
    BodySize,
    ChangeableHeader,
    Contact,
    CspLevel,
    LegacyHashes,
    Links,
    Listed,
    OneLimit,
    OneLine,
    Origin,
    RequestHeader,
    StatedReason,
    TokenName,
    TokenPrefix,
    Words,
)
from secure_flask.web.origins import PolicyError

DAY = 24 * 60 * 60  # seconds


class Policy(BaseModel):
    """One field for each value of the policy. `app.config` holds each value under the same name.

    secure_flask/accounts/settings.py adds the values of accounts.
    """

    # Types are strict: 0 and "False" are refused as a bool, and "12" as a number.
    model_config = ConfigDict(strict=True, extra="ignore")

    # Pages and /openapi.json show these two.
    PROJECT_NAME: str = Field(examples=["My service"])
    DESCRIPTION: str = ""
    # An e-mail address or https URL, for /.well-known/security.txt.
    SECURITY_CONTACT: Contact = Field(examples=["security@example.org"])
    # More lines of security.txt, such as "Policy" and "Preferred-Languages".
    SECURITY_TXT: dict[OneLine, OneLine] = {}

    # A login by JSON returns a token of this type.
    TOKEN_TYPE: Literal["session", "opaque", "jwt"] = "opaque"  # noqa: S105 - a kind of token
    # The prefix of opaque tokens: choose your own, and register it with your secret scanner.
    OPAQUE_TOKEN_PREFIX: str = "sft_"  # noqa: S105 - how tokens begin, no secret
    # The prefix of keys for machines. A change ends all keys, since their prefix is then unknown.
    API_KEY_PREFIX: TokenPrefix = Field("sfk_", examples=["bakery_key_"])
    # A user may have this many keys. One more is refused; 0 allows no keys.
    MAX_API_KEYS: int = Field(20, ge=0)
    # One key may send this many requests, counted over all addresses.
    API_KEY_RATE_LIMIT: OneLimit = Field("600 per minute", examples=["60 per minute"])
    # The claims iss and aud of a jwt. None stands for https:// and the first trusted host.
    TOKEN_ISSUER: TokenName | None = None
    TOKEN_AUDIENCE: TokenName | None = None

    # Both are in seconds. None stands for the default of the kind of login, which is in
    # secure_flask/auth/logins.py. LOGIN_IDLE = 0 switches the idle timeout off.
    LOGIN_LIFETIME: int | None = Field(None, ge=1)
    LOGIN_IDLE: int | None = Field(None, ge=0)
    # A login by "Keep me logged in" lasts this long, and has no idle timeout.
    KEPT_LIFETIME: int = Field(30 * DAY, ge=1)  # seconds
    # A used refresh token returns the same answer again for this long; 0 stands for never.
    REFRESH_GRACE: int = Field(30, ge=0)  # seconds
    # A user may have this many logins of each kind. One more ends the least recently used one.
    MAX_LOGINS: int = Field(20, ge=1)
    # One scheme of another app's hashes: the prefix, a function that takes a stored hash and a
    # password and returns a bool, and a sample hash. The next login of a user replaces the hash.
    LEGACY_HASHES: LegacyHashes = {}
    # NIST demands 15 for a password that is the only factor, and 8 beside a second factor.
    # `flask check` reports a value below 15, and the app refuses to start with one below 8.
    PASSWORD_MIN_LENGTH: int = Field(15, ge=8)  # characters
    # A browser without a login, or without a recent login, is redirected to these endpoints.
    LOGIN_PAGE: str = "login.page"
    REAUTHENTICATION_PAGE: str = "login.reauthentication_page"

    # Everybody may call these views of extensions. Each endpoint has a reason.
    PUBLIC_ENDPOINTS: dict[str, StatedReason] = Field(
        {}, examples=[{"bootstrap.static": "The style sheets of Bootstrap."}]
    )
    # Whether everybody may read /openapi.json, which lists all routes.
    PUBLIC_OPENAPI: bool = True
    # Paths of scripts that may be installed as service workers; see web/csrf.py.
    SERVICE_WORKERS: Listed[str] = Field([], examples=[["/static/worker.js"]])
    # A request body may have this many bytes. A view may allow more by `max_size`. None, Flask's
    # default, stands for the default here, never for no limit.
    MAX_CONTENT_LENGTH: BodySize = MAX_BODY_SIZE

    # Pages of these origins may call the app, and may send these headers beside Authorization and
    # Content-Type.
    CORS_ORIGINS: Listed[Origin] = Field([], examples=[["https://app.example.org"]])
    CORS_REQUEST_HEADERS: Listed[RequestHeader] = Field([], examples=[["X-Requested-With"]])
    # CSP is the level of pages, and CSP_SOURCES other origins that they load from. CSP_CHANGES adds
    # sources to a directive of the level; "'none'" alone allows nothing. web/csp.py checks the
    # sources.
    CSP: CspLevel = csp_levels.STRICT
    CSP_SOURCES: Listed[Origin] = Field([], examples=[["https://cdn.example.org"]])
    CSP_CHANGES: dict[str, Listed[str]] = Field(
        {}, examples=[{"connect-src": ["https://api.example.org"]}]
    )
    # A stricter level that is tried beside the enforced one: browsers report what it would block,
    # and do not block it.
    CSP_CANDIDATE: CspLevel | None = None
    # Pages may lead to these other sites, and to those that the names above and `@csp` list; see
    # web/connection_allowlist.py. None allows any site; by default, the level decides.
    LINKS: Links = csp_levels.BY_LEVEL
    # Who may show the pages in a frame: "'none'", "'self'" or origins.
    FRAME_ANCESTORS: Ancestors = [csp_levels.NONE]
    # These headers replace those of web/headers.py, or are added. None removes a header.
    HEADER_CHANGES: dict[ChangeableHeader, str | None] = Field(
        {}, examples=[{"Permissions-Policy": "camera=(self)"}]
    )

    # Findings of `flask check` that you accept, each with the reason.
    ACCEPTED_FINDINGS: dict[str, StatedReason] = Field(
        {}, examples=[{"database.sqlite": "One process serves the whole site."}]
    )
    # Your words for messages of secure_flask.
    TEXTS: dict[str, Words] = Field({}, examples=[{"Not allowed": "Nicht erlaubt"}])

    @classmethod
    def load(cls, config: Mapping[str, object]) -> Self:
        """Read the policy from `app.config`, with the default of each name that it lacks.

        :raises PolicyError: names each wrong value, and says what to write instead.
        """
        try:
            return cls.model_validate(config)
        except ValidationError as error:
            problems = [cls._explain(each) for each in error.errors(include_url=False)]
            raise PolicyError("\n".join(problems)) from None

    @classmethod
    def _explain(cls, problem: ErrorDetails) -> str:
        name = str(problem["loc"][0])
        examples = cls.model_fields[name].examples
        such_as = f", as in {examples[0]!r}" if examples else ""
        if problem["type"] == "missing":
            return f"policy.py: {name} is missing; write it{such_as}."
        value = f"policy.py: {_place(*problem['loc'])} {problem['input']!r}"
        if problem["type"] == "value_error":
            return f"{value}; {problem['ctx']['error']}."
        return f"{value}; {_advice(problem['msg'])}{such_as}."


def _place(name: object, *path: str | int) -> str:
    """The start of a message: "TEXTS is", "TEXTS['Not allowed'] is" or "CORS_ORIGINS holds"."""
    # pydantic appends "[key]" where the key of a dict is wrong.
    if path[-1:] == ("[key]",):
        return f"{name} holds"
    keys = "".join(f"[{key!r}]" for key in path if isinstance(key, str))
    return f"{name}{keys} {'holds' if path and isinstance(path[-1], int) else 'is'}"


def _advice(message: str) -> str:
    """The advice in pydantic's message, as "write …"."""
    numbers = message.replace("Input should be greater", "write a number greater")
    return numbers.replace("Input should be", "write")
