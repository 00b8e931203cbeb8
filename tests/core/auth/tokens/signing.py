"""Keys and encoding of tokens that the tests sign themselves."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from secure_flask.settings import keyrings


def keys_of(ring: str) -> dict[str, Ed25519PrivateKey]:
    """The keys by id that TOKEN_KEYS holds."""
    seeds = keyrings.read_keyring(ring).items()
    return {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in seeds}


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")
