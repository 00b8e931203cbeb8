"""Slips in a Content-Security-Policy that a browser would take without a word."""

import pytest

from app.security.csp_syntax import NONCE, NONE, SELF, check, serialize
from app.security.origins import PolicyError


@pytest.mark.parametrize(
    "source",
    [
        NONE,
        SELF,
        NONCE,
        "'strict-dynamic'",
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
        "data:",
        "https:",
        "https://cdn.example",
        "https://*.cdn.example:8443/fonts/",
        "http://localhost:3000",
        "https://[::1]:8443",
    ],
)
def test_a_source_that_browsers_know_passes(source: str) -> None:
    check({"img-src": [source]})


@pytest.mark.parametrize(
    "source",
    [
        "self",
        "none",
        "unsafe-inline",
        "strict-dynamic",
        "script",
        "'unsafe-everything'",
        "'self",
        '"self"',
        "'nonce-fixed'",
        "'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk='",
        "https://a.example; script-src *",
        "https://a.example\r\nX: y",
        "https://a.example\n",
        "https://a.example https://b.example",
        "https://a.example,https://b.example",
        "https://user@a.example",
        "https://b\u00fccher.example",
        "",
    ],
)
def test_a_source_that_browsers_misread_is_refused(source: str) -> None:
    with pytest.raises(PolicyError, match=r"^img-src: "):
        check({"img-src": [source]})


@pytest.mark.parametrize(
    "directive", ["image-src", "img_src", "IMG-SRC", "img-src 'self'; script-src", ""]
)
def test_an_unknown_directive_is_refused(directive: str) -> None:
    with pytest.raises(PolicyError, match="no directive"):
        check({directive: [SELF]})


def test_an_empty_list_is_refused_as_unclear() -> None:
    with pytest.raises(PolicyError, match="to allow nothing"):
        check({"img-src": []})


def test_sandbox_and_trusted_types_take_plain_words() -> None:
    check({"sandbox": ["allow-forms"], "trusted-types": ["my_policy#1", "'allow-duplicates'"]})
    check({"sandbox": []})


def test_the_message_says_what_to_write() -> None:
    with pytest.raises(PolicyError, match=r"write \"'self'\""):
        check({"script-src": ["self"]})


def test_a_policy_is_written_as_browsers_read_it() -> None:
    written = serialize({"default-src": [NONE], "img-src": [SELF, "data:"], "sandbox": []})
    assert written == "default-src 'none'; img-src 'self' data:; sandbox"


def test_none_beside_another_source_is_refused_as_it_has_no_effect() -> None:
    with pytest.raises(PolicyError, match="ignore"):
        check({"img-src": [NONE, "https://cdn.example"]})


def test_one_text_in_place_of_a_list_is_refused() -> None:
    with pytest.raises(PolicyError, match="write a list"):
        check({"img-src": "self"})  # type: ignore[dict-item]
