"""The values of the policy: which are refused, and what the message says to write instead."""

import re

import pytest
from flask import Flask
from pydantic import Field
from secure_flask import PolicyError, csp_levels
from secure_flask.policy import Policy
from secure_flask.policy_types import StatedReason
from secure_flask.settings import Settings

from core.conftest import SECRETS, SETTINGS, MakeApp
from core.site import POLICY, create_app


def check(stored: str, password: str) -> bool:
    return False


NO_ORIGIN = "write an origin, https://host or https://host:port, in lower case, without a path."
# The name of a value, a wrong value, and how the message goes on after the name.
WRONG: list[tuple[str, object, str]] = [
    ("PROJECT_NAME", 1, "is 1; write a valid string, as in 'My service'."),
    ("SECURITY_CONTACT", "nobody", "is 'nobody'; write an e-mail address or https URL."),
    ("SECURITY_TXT", {"Policy": "a\nb"}, r"['Policy'] is 'a\nb'; write it on one line."),
    ("SECURITY_TXT", {"a\nb": "c"}, r"holds 'a\nb'; write it on one line."),
    ("TOKEN_TYPE", "paseto", "is 'paseto'; write 'session', 'opaque' or 'jwt'."),
    ("TOKEN_TYPE", ["jwt"], "is ['jwt']; write 'session', 'opaque' or 'jwt'."),
    ("TOKEN_ISSUER", "a b", "is 'a b'; write 1 to 255 ASCII characters without spaces, or None."),
    ("LOGIN_LIFETIME", "12h", "is '12h'; write a valid integer."),
    ("LOGIN_LIFETIME", 0, "is 0; write a number greater than or equal to 1."),
    ("LOGIN_IDLE", -1, "is -1; write a number greater than or equal to 0."),
    ("KEPT_LIFETIME", None, "is None; write a valid integer."),
    ("PASSWORD_MIN_LENGTH", 7, "is 7; write a number greater than or equal to 8."),
    ("MAX_LOGINS", 0, "is 0; write a number greater than or equal to 1."),
    ("MAX_CONTENT_LENGTH", True, "is True; write a valid integer."),
    ("PUBLIC_OPENAPI", 0, "is 0; write a valid boolean."),
    (
        "PUBLIC_ENDPOINTS",
        ["a.b"],
        "is ['a.b']; write a valid dictionary, "
        "as in {'bootstrap.static': 'The style sheets of Bootstrap.'}.",
    ),
    ("PUBLIC_ENDPOINTS", {"a.b": " "}, "['a.b'] is ' '; write the reason."),
    (
        "CORS_ORIGINS",
        "https://app.example",
        "is 'https://app.example'; write a valid list, as in ['https://app.example.org'].",
    ),
    ("CORS_ORIGINS", ["https://app.example", "*"], f"holds '*'; {NO_ORIGIN}"),
    (
        "CORS_REQUEST_HEADERS",
        ["X-Real-IP"],
        "holds 'X-Real-IP'; it is no header that scripts may set: write a name as "
        "X-Requested-With.",
    ),
    ("CSP", "strict", "is 'strict'; write a level, such as csp_levels.STRICT, or a dict of"),
    ("CSP_CANDIDATE", "strict", "is 'strict'; write a level, such as csp_levels.STRICT, or a"),
    ("CSP_SOURCES", ["https://*.example"], f"holds 'https://*.example'; {NO_ORIGIN}"),
    (
        "CSP_CHANGES",
        {"img-src": "'self'"},
        "['img-src'] is \"'self'\"; write a valid list, "
        "as in {'connect-src': ['https://api.example.org']}.",
    ),
    ("FRAME_ANCESTORS", [], "is []; write [\"'none'\"] for nobody."),
    ("FRAME_ANCESTORS", ["none"], f"holds 'none'; {NO_ORIGIN}"),
    ("HEADER_CHANGES", {"X-Frame-Options": None}, "holds 'X-Frame-Options'; set FRAME_ANCESTORS"),
    ("HEADER_CHANGES", {"X-One": 1}, "['X-One'] is 1; write a valid string, as in"),
    ("ACCEPTED_FINDINGS", {"database.sqlite": ""}, "['database.sqlite'] is ''; write the reason."),
    ("TEXTS", {"Not Found": 1}, "['Not Found'] is 1; write a text, or one of lazy_gettext."),
    ("TEXTS", [], "is []; write a valid dictionary, as in {'Not allowed': 'Nicht erlaubt'}."),
    ("LOGIN_PAGE", None, "is None; write a valid string."),
]


# A hash with the parameters of new ones is no old one, whatever the prefix says.
ARGON2 = ["$argon2", "$argon2id$", "$argon2i$", "$argon2id$v=19$m=65536,t=3,p=4$"]
SHAPE = "write the prefix of the hashes, the function that checks one, and a sample hash, as in"
FAST = "is a fast hash: hash what is stored once more at the import, by scrypt"
SCHEMES: list[tuple[object, str]] = [
    ([], SHAPE),
    ({"scrypt:": check}, SHAPE),
    ({"scrypt:": ("scrypt:x", check)}, SHAPE),
    ({"scrypt:": ("check_password_hash", "scrypt:x")}, SHAPE),
    ({1: (check, "1")}, SHAPE),
    # A prefix may be shorter than the name of its hash.
    ({"m": (check, "md5$x")}, f"'m' {FAST}"),
    # Any hash may begin so: one of MD5, and the mark of a user without a password.
    *(
        (
            {prefix: (check, f"{prefix}cc175b9c0f1b6a831c399e269772661")},
            f"{prefix!r} names no scheme",
        )
        for prefix in ("0", "a", "0cc175b9", "!", "*", "scrypt", "_", " ", ":", "{}", "ab:0")
    ),
    ({"{": (check, "{SSHA}x")}, f"'{{' {FAST}"),
    ({"a:": (check, "a:b"), "b:": (check, "b:c")}, "write one scheme: wrap the hashes of all"),
    *(
        ({prefix: (check, f"{prefix}x")}, f"{prefix!r} is a prefix of new hashes too: write a")
        for prefix in ("", "$", "$a", "$argon")
    ),
    *(
        ({prefix: (check, f"{prefix}x")}, f"{prefix!r} {FAST}")
        for prefix in (
            *("md5$", "MD5:", "sha1$", "SHA-1:", "{SHA}", "{SSHA}", "{MD5}", "sha256$"),
            *("$1$", "$apr1$", "unsalted_md5$", "salted_sha1$", "hex_md5:", "sha512:"),
        )
    ),
    # A mark before a digest without salt and rounds does not make it slow.
    *(
        ({"old:": (check, f"old:{'0aF' * (size // 3)}{'0' * (size % 3)}")}, f"'old:' {FAST}")
        for size in (32, 40, 64, 128)
    ),
    ({"scrypt:": (check, "pbkdf2:x")}, "the sample has to begin with 'scrypt:'"),
]


@pytest.mark.parametrize(("named", "words"), SCHEMES)
def test_a_scheme_of_old_hashes_that_is_unsafe_or_unclear_stops_the_app(
    make_app: MakeApp, named: object, words: str
) -> None:
    with pytest.raises(PolicyError, match=r"^policy\.py: LEGACY_HASHES is ") as refused:
        make_app(LEGACY_HASHES=named)
    assert f"; {words}" in refused.value.message


SLOW = ["scrypt:", "pbkdf2:sha256:", "pbkdf2_sha256$", "$2b$", "$2", "wrapped:", "$6$", "{CRYPT}"]


@pytest.mark.parametrize("prefix", [*SLOW, *ARGON2])
def test_a_scheme_of_slow_hashes_is_taken(make_app: MakeApp, prefix: str) -> None:
    app = make_app(fill=False, LEGACY_HASHES={prefix: (check, f"{prefix}x")})
    assert app.config["LEGACY_HASHES"] == {prefix: (check, f"{prefix}x")}


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_a_wrong_value_is_named_with_what_to_write(
    make_app: MakeApp, name: str, value: object, words: str
) -> None:
    message = f"policy.py: {name}{'' if words.startswith('[') else ' '}{words}"
    with pytest.raises(PolicyError, match=f"^{re.escape(message)}"):
        make_app(**{name: value})


def test_one_message_names_every_wrong_value(make_app: MakeApp) -> None:
    with pytest.raises(PolicyError) as refused:
        make_app(MAX_CONTENT_LENGTH="1MiB", CORS_ORIGINS=["*", "null"], TEXTS=[])
    named = [line.split()[1] for line in refused.value.message.splitlines()]
    assert named == ["MAX_CONTENT_LENGTH", "CORS_ORIGINS", "CORS_ORIGINS", "TEXTS"]


def test_what_has_no_default_is_missed(subtests: pytest.Subtests) -> None:
    for name in ("PROJECT_NAME", "SECURITY_CONTACT"):
        rest = {each: value for each, value in POLICY.items() if each != name}
        with (
            subtests.test(case=name),
            pytest.raises(PolicyError, match=f"^policy.py: {name} is missing; write it, as in "),
        ):
            Policy.load(rest)


def test_the_config_has_each_value_by_its_name(make_app: MakeApp) -> None:
    app = make_app(fill=False, CORS_ORIGINS=("https://a.example",), SERVICE_WORKERS={"/w.js"})
    assert app.config["CORS_ORIGINS"] == ["https://a.example"]
    assert app.config["SERVICE_WORKERS"] == ["/w.js"]
    assert (app.config["CSP"], app.config["MAX_LOGINS"]) == (csp_levels.STRICT, 20)
    # Any other name is of Flask or of the owner, and no app changes the defaults of another.
    Policy.load(POLICY).SERVICE_WORKERS.append("/w.js")
    other = make_app(fill=False, PREFERRED_URL_SCHEME="https", INVOICE_DAYS=[14])
    assert (other.config["INVOICE_DAYS"], other.config["SERVICE_WORKERS"]) == ([14], [])


class ShopPolicy(Policy):
    OPENING_HOURS: dict[str, StatedReason] = Field({})


class ShopSettings(Settings):
    policy = ShopPolicy


def shop(**policy: object) -> Flask:
    return create_app(ShopSettings(_env_file=None, **{**SETTINGS, **SECRETS}), **policy)


def test_settings_may_bring_a_policy_that_knows_more_names() -> None:
    assert shop().config["OPENING_HOURS"] == {}
    with pytest.raises(PolicyError, match=r"OPENING_HOURS\['Monday'\] is ''; write the reason"):
        shop(OPENING_HOURS={"Monday": ""})
