"""Secrets that an attacker could guess, or find twice, and keys that serve for too long."""

import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest

from app import key_settings
from app.auth.tokens import TokenSettings
from tests.checks.conftest import Find
from tests.conftest import SECRETS

RINGS = ["ENCRYPTION_KEYS", "BLIND_INDEX_KEYS", *TokenSettings.fresh_secrets()]
COUNTS_UP = urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")


def key_made(days_ago: float) -> str:
    made = datetime.now(UTC) - timedelta(days=days_ago)
    return key_settings.new(made.strftime("%Y%m%d"))


@pytest.mark.parametrize(
    "secret",
    [
        "abcdefghijklmnopqrstuvwxyz012345",
        "Zq7vX2mB9kZq7vX2mB9kZq7vX2mB9kZq7v",
        "0123456789abcdef" * 4,
    ],
)
def test_a_secret_made_by_hand_is_told(find: Find, secret: str) -> None:
    [message] = find("secrets.guessable", SECRET_KEY=secret)
    assert message.startswith("SECRET_KEY ")


@pytest.mark.parametrize("name", RINGS)
def test_so_is_a_key(find: Find, name: str) -> None:
    [message] = find("secrets.guessable", **{name: f"{key_settings.new('2')},1:{COUNTS_UP}"})
    assert message.startswith(f"{name} ")


def test_a_random_one_is_not(find: Find) -> None:
    for secret in (secrets.token_hex(16), secrets.token_hex(32), secrets.token_urlsafe(24)):
        assert find("secrets.guessable", SECRET_KEY=secret) == []


@pytest.mark.parametrize("name", [name for name in RINGS if name != "ENCRYPTION_KEYS"])
def test_a_key_that_serves_two_purposes_is_told(find: Find, name: str) -> None:
    reused = SECRETS["encryption_keys"].replace(":", "9:")
    [message] = find("secrets.reused", **{name: f"{key_settings.new('2')},{reused}"})
    assert message.startswith(f"ENCRYPTION_KEYS and {name} ")


@pytest.mark.parametrize("cut", [0, SECRETS["encryption_keys"].index(":") + 1])
def test_so_is_one_that_is_the_secret_key_too(find: Find, cut: int) -> None:
    [message] = find("secrets.reused", SECRET_KEY=SECRETS["encryption_keys"][cut:])
    assert message.startswith("SECRET_KEY and ENCRYPTION_KEYS ")


def test_a_fresh_key_shows_its_age(find: Find) -> None:
    assert find("keys.old") == find("keys.age-unknown") == []


@pytest.mark.parametrize("name", RINGS)
def test_a_key_in_use_for_more_than_two_years_is_told(find: Find, name: str) -> None:
    [message] = find("keys.old", **{name: f"{key_made(732)},{key_made(1)}"})
    assert f" {name} " in message
    assert find("keys.old", **{name: f"{key_made(729)},{key_made(2000)}"}) == []


@pytest.mark.parametrize("key_id", ["1", "20261399", "99991231"])
def test_a_key_whose_id_is_no_day_so_far_has_no_age(find: Find, key_id: str) -> None:
    [message] = find("keys.age-unknown", ENCRYPTION_KEYS=key_settings.new(key_id))
    assert " ENCRYPTION_KEYS " in message
    assert find("keys.old", ENCRYPTION_KEYS=key_settings.new(key_id)) == []
