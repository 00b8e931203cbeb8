"""Secrets that an attacker could guess, or find twice, and keys that serve for too long."""

import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from secure_flask.settings import keyrings

from core.checks.conftest import Find
from core.conftest import SECRETS

RINGS = ["ENCRYPTION_KEYS", "BLIND_INDEX_KEYS", "TOKEN_KEYS"]
COUNTS_UP = urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
KEY = SECRETS["encryption_keys"]


def key_made(days_ago: float) -> str:
    made = datetime.now(UTC) - timedelta(days=days_ago)
    return keyrings.new(made.strftime("%Y%m%d"))


def test_a_secret_made_by_hand_is_reported(find: Find) -> None:
    repeats, by_tens = "Zq7vX2mB9kZq7vX2mB9kZq7vX2mB9kZq7v", "0123456789abcdef" * 4
    for secret in ("abcdefghijklmnopqrstuvwxyz012345", repeats, by_tens):
        [message] = find("secrets.guessable", SECRET_KEY=secret)
        assert message.startswith("SECRET_KEY ")


def test_a_random_secret_is_not_reported(find: Find) -> None:
    for secret in (secrets.token_hex(16), secrets.token_hex(32), secrets.token_urlsafe(24)):
        assert find("secrets.guessable", SECRET_KEY=secret) == []


def test_a_key_that_counts_up_or_is_old_is_reported(find: Find, subtests: pytest.Subtests) -> None:
    assert find("keys.old") == find("keys.age-unknown") == []
    for name in RINGS:
        with subtests.test(name):
            [guessable] = find("secrets.guessable", **{name: f"{keyrings.new('2')},1:{COUNTS_UP}"})
            assert guessable.startswith(f"{name} ")
            [old] = find("keys.old", **{name: f"{key_made(732)},{key_made(1)}"})
            assert f" {name} " in old
            assert find("keys.old", **{name: f"{key_made(729)},{key_made(2000)}"}) == []


def test_a_key_that_serves_two_purposes_is_reported(find: Find) -> None:
    for name in RINGS[1:]:
        reused = f"{keyrings.new('2')},{KEY.replace(':', '9:')}"
        [message] = find("secrets.reused", **{name: reused})
        assert message.startswith(f"ENCRYPTION_KEYS and {name} ")
    for secret in (KEY, f"{KEY.partition(':')[2]}="):
        [message] = find("secrets.reused", SECRET_KEY=secret)
        assert message.startswith("SECRET_KEY and ENCRYPTION_KEYS ")


def test_a_key_whose_id_is_no_day_so_far_has_no_age(find: Find) -> None:
    for key_id in ("1", "20261399", "99991231"):
        key = keyrings.new(key_id)
        [message] = find("keys.age-unknown", ENCRYPTION_KEYS=key)
        assert " ENCRYPTION_KEYS " in message
        assert find("keys.old", ENCRYPTION_KEYS=key) == []
