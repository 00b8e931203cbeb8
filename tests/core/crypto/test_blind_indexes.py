"""Blind indexes: equal for what people mean by the same value, and for nothing else."""

import unicodedata
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secure_flask.crypto import blind_index
from secure_flask.crypto.blind_indexes import blind_indexes, normalise
from secure_flask.settings import keyrings

from core.conftest import SECRETS, MakeApp

ALIKE = [
    ("ada@example.org", "ADA@Example.ORG"),
    ("Straße", "STRASSE"),
    ("caf\u00e9", "cafe\u0301"),
    ("\ufb01sh", "fish"),
    ("\uff21da", "ada"),
    ("\u1e9b\u0323", "\u1e69"),
    ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ("Owl\u2122", "owltm"),
]
APART = [
    ("ada", "adam"),
    ("ada", " ada"),
    ("ada", "ad\u0430"),
    ("resume", "r\u00e9sum\u00e9"),
    ("", " "),
    ("a\0b", "ab"),
]


def test_case_and_spelling_in_unicode_alone_make_no_difference(subtests: pytest.Subtests) -> None:
    for one, other in ALIKE + APART:
        with subtests.test(one, other=other):
            equal = blind_index(one, context="a") == blind_index(other, context="a")
            assert equal == ((one, other) in ALIKE)


@given(st.text())
def test_no_form_of_a_text_changes_its_index(text: str) -> None:
    index = blind_index(text, context="a")
    assert blind_index(normalise(text), context="a") == index
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert blind_index(unicodedata.normalize(form, text), context="a") == index


def test_another_implementation_gives_the_same(make_app: MakeApp) -> None:
    """HKDF and the index itself from RFC 2104's HMAC alone."""
    key = f"7:{urlsafe_b64encode(bytes(range(32))).decode()}"
    with make_app(blind_index_keys=key).app_context():
        assert blind_index("Ada@example.org", context="users.email").hex() == (
            "00000007503c331bafb086782656eb3d96f0131c9d2cd3d8ba712f8e82f562868c7fe4c6"
        )


def test_an_index_needs_its_context_and_its_key_and_no_other_secret(make_app: MakeApp) -> None:
    index = blind_index("ada", context="a")
    assert blind_index("ada", context="b") != index
    [same_id] = keyrings.read(SECRETS["blind_index_keys"])
    with make_app(blind_index_keys=keyrings.new(same_id)).app_context():
        assert blind_index("ada", context="a") != index
    others = {"encryption_keys": keyrings.new("1"), "secret_key": keyrings.new("1")}
    with make_app(**others).app_context():
        assert blind_index("ada", context="a") == index


def test_a_row_is_sought_by_every_key_and_stored_by_the_first(make_app: MakeApp) -> None:
    old = blind_index("ada", context="a")
    ring = f"{keyrings.new('2')},{SECRETS['blind_index_keys']}"
    with make_app(blind_index_keys=ring).app_context():
        new = blind_index("ada", context="a")
        assert blind_indexes("ada", context="a") == [new, old]
    assert new[:4] == bytes([0, 0, 0, 2])
