"""Slips in a Content-Security-Policy that a browser would take without a word."""

import pytest
from secure_flask.csp_levels import NONE, SELF
from secure_flask.web.csp_syntax import check, serialize
from secure_flask.web.origins import PolicyError

KNOWN = """
'none' 'self' 'nonce-{nonce}' 'strict-dynamic' data: https: https://cdn.example
'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' https://*.cdn.example:8443/fonts/
http://localhost:3000 https://[::1]:8443
"""

MISREAD = """
self none unsafe-inline strict-dynamic script 'unsafe-everything' 'self "self" 'nonce-x'
'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' https://a.example,https://b.example https://user@a.example
https://b\u00fccher.example
"""
WITH_SPACES = [
    *("", "https://a.example\n", "https://a.example; script-src *", "https://a.example b.example"),
]


def test_a_source_that_browsers_know_passes(subtests: pytest.Subtests) -> None:
    for source in KNOWN.split():
        with subtests.test(source):
            check({"img-src": [source]})


def test_a_source_that_browsers_misread_is_refused(subtests: pytest.Subtests) -> None:
    for source in [*MISREAD.split(), *WITH_SPACES]:
        with subtests.test(source), pytest.raises(PolicyError, match=r"^img-src: "):
            check({"img-src": [source]})


def test_a_directive_that_browsers_ignore_is_refused(subtests: pytest.Subtests) -> None:
    for directive in ("image-src", "img_src", "IMG-SRC", "img-src 'self'; script-src", ""):
        with subtests.test(directive), pytest.raises(PolicyError, match="no directive"):
            check({directive: [SELF]})
    with pytest.raises(PolicyError, match="to allow nothing"):
        check({"img-src": []})
    with pytest.raises(PolicyError, match="browsers ignore 'none' beside"):
        check({"img-src": [NONE, "https://cdn.example"]})


def test_a_slip_is_answered_with_what_to_write() -> None:
    with pytest.raises(PolicyError, match=r"write \"'self'\""):
        check({"script-src": ["self"]})
    with pytest.raises(PolicyError, match="write a list"):
        check({"img-src": "self"})  # type: ignore[dict-item]


def test_sandbox_and_trusted_types_take_plain_words() -> None:
    check({"sandbox": ["allow-forms"], "trusted-types": ["my_policy#1", "'allow-duplicates'"]})
    check({"sandbox": []})


def test_a_policy_is_written_as_browsers_read_it() -> None:
    written = serialize({"default-src": [NONE], "img-src": [SELF, "data:"], "sandbox": []})
    assert written == "default-src 'none'; img-src 'self' data:; sandbox"
