"""Keys are derived for each purpose."""

import pytest
from secure_flask.crypto import keyring

# RFC 5869, A.1; a shorter key is the beginning of a longer one.
KEY = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
INFO = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
OUTPUT = bytes.fromhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")


@pytest.mark.asvs("11.4.1")
def test_keys_are_derived_as_rfc_5869_says() -> None:
    assert keyring.derive_key(KEY, INFO) == OUTPUT
    assert keyring.derive_key(KEY, b"stream") != OUTPUT
    assert keyring.derive_key(KEY, INFO, bytes(16)) != OUTPUT
