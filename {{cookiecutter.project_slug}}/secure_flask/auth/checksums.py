"""Tokens with a prefix and a checksum, by which secret scanners recognise them.

The checksum refuses a mistyped or guessed token without a database query.
"""

from zlib import crc32

LENGTH = 8  # characters


def with_checksum(prefix: str, random: str) -> str:
    return f"{prefix}{random}{crc32(random.encode()):08x}"


def has_right_checksum(prefix: str, token: str) -> bool:
    """Whether a token has this prefix and the checksum that fits; it may still be unknown."""
    return token == with_checksum(prefix, token.removeprefix(prefix)[:-LENGTH])
