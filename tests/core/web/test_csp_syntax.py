"""Slips in a Content-Security-Policy that a browser would take without a word."""

import pytest
from secure_flask.csp_levels import NONE, SELF
from secure_flask.web.csp_syntax import check_directives, is_whole_cdn, serialize_directives
from secure_flask.web.origins import PolicyError

KNOWN = """
'none' 'self' 'nonce-{nonce}' 'strict-dynamic' data: https: https://cdn.example
'trusted-types-eval' 'inline-speculation-rules' 'report-sha256' 'report-sha384' 'report-sha512'
'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' https://*.cdn.example:8443/fonts/
http://localhost:3000 https://[::1]:8443
"""

MISREAD = """
self none unsafe-inline strict-dynamic script trusted-types-eval 'unsafe-allow-redirects' 'unsafe-everything' 'self "self" 'nonce-x'
'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' https://a.example,https://b.example https://user@a.example
https://b\u00fccher.example
"""
WITH_SPACES = [
    *("", "https://a.example\n", "https://a.example; script-src *", "https://a.example b.example"),
]


def test_a_source_that_browsers_know_passes() -> None:
    check_directives({"img-src": KNOWN.split()[1:]})
    check_directives({"img-src": ["'none'"]})
    check_directives(
        {"sandbox": ["allow-forms"], "trusted-types": ["my_policy#1", "'allow-duplicates'"]}
    )
    check_directives({"sandbox": []})


@pytest.mark.parametrize("source", [*MISREAD.split(), *WITH_SPACES])
def test_a_source_that_browsers_misread_is_refused(source: str) -> None:
    with pytest.raises(PolicyError, match=r"^img-src: "):
        check_directives({"img-src": [source]})


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"image-src": [SELF]}, "no directive"),
        ({"img_src": [SELF]}, "no directive"),
        ({"IMG-SRC": [SELF]}, "no directive"),
        ({"img-src 'self'; script-src": [SELF]}, "no directive"),
        ({"": [SELF]}, "no directive"),
        ({"img-src": []}, "to allow nothing"),
        ({"img-src": [NONE, "https://cdn.example"]}, "browsers ignore 'none' beside"),
        ({"script-src": ["self"]}, r"write \"'self'\""),
        ({"img-src": "self"}, "write a list"),
        ({"require-trusted-types-for": [NONE]}, "or leave it out"),
    ],
)
def test_a_slip_in_a_directive_is_refused(policy: dict[str, list[str]], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        check_directives(policy)


def test_a_policy_is_written_as_browsers_read_it() -> None:
    written = serialize_directives(
        {"default-src": [NONE], "img-src": [SELF, "data:"], "sandbox": []}
    )
    assert written == "default-src 'none'; img-src 'self' data:; sandbox"


def test_a_public_cdn_is_known_in_each_spelling() -> None:
    known = ["esm.sh", "https://esm.sh", "https://esm.sh/", "//esm.sh", "esm.sh:443"]
    # A file of one, and other sites.
    others = ["https://esm.sh/x@2.0/", "https://esm.sh.a.test", "https://a.test", SELF]
    assert [source for source in known + others if is_whole_cdn(source)] == known
