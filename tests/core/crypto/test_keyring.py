"""The keys of encryption: how they are numbered, and that no app starts without them."""

import pytest
from secure_flask.crypto import keyring
from secure_flask.settings import Settings, SettingsError, keyrings

from core.conftest import SECRETS

# RFC 5869, A.1; a shorter key is the beginning of a longer one.
KEY = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
INFO = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
OUTPUT = bytes.fromhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")


def test_keys_are_derived_as_rfc_5869_says() -> None:
    assert keyring.derive(KEY, INFO) == OUTPUT
    assert keyring.derive(KEY, b"stream") != OUTPUT
    assert keyring.derive(KEY, INFO, bytes(16)) != OUTPUT


def test_the_first_key_of_a_ring_is_the_current_one() -> None:
    ring = keyrings.read_numbered(f"{keyrings.new('20261125')},{keyrings.new('1')}")
    assert list(ring) == [20261125, 1]
    assert keyring.current(ring)[0] == 20261125


@pytest.mark.parametrize("name", ["ENCRYPTION_KEYS", "BLIND_INDEX_KEYS"])
def test_the_app_does_not_start_without_keys(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for setting, secret in SECRETS.items():
        monkeypatch.setenv(setting.upper(), secret)
    monkeypatch.setenv("APP_ENV", "development")
    monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match=f"{name}: must read id:key"):
        Settings.load()
