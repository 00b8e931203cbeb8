"""Messages: they come back whole for their own context, or not at all."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from secure_flask import DecryptionError, decrypt, encrypt
from secure_flask.auth.access import public
from secure_flask.crypto import encryption
from secure_flask.crypto.encryption import ENCRYPTION_KEYS
from secure_flask.settings import keyrings
from secure_flask.state import app_state

from core.conftest import PRODUCTION, SECRETS, Lines, MakeApp

TEXT = b"ten pounds"

# Made by another implementation (HKDF from RFC 2104's HMAC, AES-GCM of PyCryptodome).
MESSAGE = bytes.fromhex(
    "01000000076465666768696a6b6c6d6e6f70717273c8c9cacbcccdcecfd0d1d2"
    "d3eb24b1f079df6a5d8f69bc610726bcb3ce3d774431ad405307b22a41d1b929"
    "8f42703121"
)
# RFC 5869, A.1; a shorter key is the beginning of a longer one.
KEY = bytes.fromhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
INFO = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
OUTPUT = bytes.fromhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")


def refused(ciphertext: bytes, context: str = "a") -> bool:
    with pytest.raises(DecryptionError) as error:
        decrypt(ciphertext, context=context)
    return repr(ciphertext) not in str(error.value)


@pytest.mark.asvs("11.3.1", "11.3.2")
def test_a_message_of_another_implementation_is_read(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, {7: bytes(range(32))})
    assert decrypt(MESSAGE, context="notes.text") == b"seven owls in a well"


@given(st.binary(max_size=300), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_message_comes_back_is_49_bytes_longer_and_shows_nothing(
    plaintext: bytes, context: str
) -> None:
    message = encrypt(plaintext, context=context)
    assert decrypt(message, context=context) == plaintext
    assert len(message) == len(plaintext) + 49
    assert len(plaintext) < 4 or plaintext not in message


@pytest.mark.asvs("11.3.3")
def test_another_context_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    message = encrypt(TEXT, context="notes.text")
    others = ["", "notes.texts", "notes", "Notes.text"]
    assert [context for context in others if refused(message, context)] == others
    with monkeypatch.context() as later:
        later.setattr(encryption, "VERSION", 3)
        message = encrypt(TEXT, context="a")
    assert refused(message)


@pytest.mark.asvs("11.3.4")
def test_no_salt_and_no_nonce_is_used_twice() -> None:
    messages = [encrypt(b"", context="a") for _ in range(1000)]
    assert len({message[5:21] for message in messages}) == 1000
    assert len({message[21:33] for message in messages}) == 1000


@pytest.mark.asvs("11.3.3")
def test_every_changed_bit_and_every_cut_is_refused() -> None:
    message = encrypt(TEXT, context="a")
    number = int.from_bytes(message)
    changed = [(number ^ 1 << bit).to_bytes(len(message)) for bit in range(len(message) * 8)]
    assert [bit for bit, each in enumerate(changed) if not refused(each)] == []
    assert [length for length in range(len(message)) if not refused(message[:length])] == []
    never_encrypted = (message + b"\0", TEXT, b"\1" * 80, bytes(80))
    assert [each for each in never_encrypted if not refused(each)] == []


def test_an_old_key_still_decrypts_and_the_first_encrypts(make_app: MakeApp) -> None:
    new, old_message = keyrings.new_key("2"), encrypt(TEXT, context="a")
    with make_app(encryption_keys=f"{new},{SECRETS['encryption_keys']}").app_context():
        assert decrypt(old_message, context="a") == TEXT
        new_message = encrypt(TEXT, context="a")
    with make_app(encryption_keys=new).app_context():
        assert decrypt(new_message, context="a") == TEXT
        assert refused(old_message)
    [same_id] = keyrings.read_keyring(SECRETS["encryption_keys"])
    with make_app(encryption_keys=keyrings.new_key(same_id)).app_context():
        assert refused(old_message)
    # A message needs no other secret.
    others = {"secret_key": keyrings.new_key("1"), "blind_index_keys": keyrings.new_key("1")}
    with make_app(**others).app_context():
        assert decrypt(old_message, context="a") == TEXT


@pytest.mark.asvs("11.2.5", "16.3.4")
def test_a_request_that_cannot_decrypt_gets_an_error_and_the_log_a_line(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app(**PRODUCTION)
    app.add_url_rule("/note", view_func=public(lambda: decrypt(TEXT, context="notes.text")))
    lines()
    answer = app.test_client().get("/note")
    assert answer.status_code == 500
    assert "notes.text" not in answer.text
    [line] = lines()
    assert line["context"] == "notes.text"
    assert "exception" not in line


@pytest.mark.asvs("11.4.1")
def test_keys_are_derived_as_rfc_5869_says() -> None:
    assert encryption.derive_key(KEY, INFO) == OUTPUT
    assert encryption.derive_key(KEY, b"stream") != OUTPUT
    assert encryption.derive_key(KEY, INFO, bytes(16)) != OUTPUT
