"""Other keys for what is stored, while the app runs: killed at any moment, run it again.

Each page of rows is swapped by itself, and a row only if nobody wrote it meanwhile; who
did wrote with the new key. Source: OWASP ASVS 11.2.2; NIST SP 800-57.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqlalchemy import ColumnClause, ColumnElement, func, or_

from app.crypto import blind_indexes, encryption
from app.crypto.encryption import DecryptionError, decrypt, encrypt
from app.crypto.keyring import Keyring, blind_index_keys, current, encryption_keys
from app.crypto.stored import Row, Stored, find_all


class Count(NamedTuple):
    """How many values one key made; `key_id` is None for bytes that no key made."""

    name: str
    key_id: int | None
    values: int
    state: str  # "current", "old", or "missing" from the ring


class Progress(NamedTuple):
    """How far it is, and the rows of the last page whose value does not decrypt."""

    done: int
    total: int
    failed: list[str]


def status() -> Iterator[Count]:
    """Count the values by the key that made them."""
    for stored in find_all():
        versioned = stored.counts(stored.value, encryption.PREFIX.size)
        ids = {_message_key_id(prefix): count for prefix, count in versioned.items()}
        yield from _states(stored.name, ids, encryption_keys())
        if stored.index is not None:
            prefixes = stored.counts(stored.index, blind_indexes.PREFIX.size)
            ids = {_index_key_id(prefix): count for prefix, count in prefixes.items()}
            yield from _states(f"{stored.name} (index)", ids, blind_index_keys())


def rotate(stored: Stored) -> Iterator[Progress]:
    """Encrypt with the first key what another one encrypted."""
    key_id, _ = current(encryption_keys())
    prefix = encryption.PREFIX.pack(encryption.VERSION, key_id)
    outdated = func.substr(stored.value, 1, len(prefix)) != prefix
    yield from _renew(stored, stored.value, outdated, _encrypted_anew)


def reindex(stored: Stored) -> Iterator[Progress]:
    """Make each blind index that is missing, or that another than the first key made."""
    if stored.index is None:
        return
    key_id, _ = current(blind_index_keys())
    prefix = blind_indexes.PREFIX.pack(key_id)
    outdated = func.substr(stored.index, 1, len(prefix)) != prefix
    yield from _renew(stored, stored.index, or_(stored.index.is_(None), outdated), _indexed_anew)


def verify(stored: Stored) -> Iterator[Progress]:
    """Decrypt every value and compare every blind index, and change nothing."""
    done, total = 0, stored.count()
    for rows in stored.pages():
        done += len(rows)
        yield Progress(
            done, total, [_label(stored, row) for row in rows if not _holds(stored, row)]
        )


def _renew(
    stored: Stored,
    target: ColumnClause[bytes],
    outdated: ColumnElement[bool],
    renew: Callable[[Stored, Row], bytes],
) -> Iterator[Progress]:
    done, total = 0, stored.count(outdated)
    for rows in stored.pages(outdated):
        swaps, failed = [], []
        for row in rows:
            try:
                swaps.append((row, renew(stored, row)))
            except DecryptionError:
                failed.append(_label(stored, row))
        stored.swap(target, swaps)
        done += len(rows)
        yield Progress(done, total, failed)


def _encrypted_anew(stored: Stored, row: Row) -> bytes:
    context = stored.context_of(row.key)
    return encrypt(decrypt(row.value, context=context), context=context)


def _indexed_anew(stored: Stored, row: Row) -> bytes:
    plaintext = decrypt(row.value, context=stored.context_of(row.key)).decode()
    return blind_indexes.blind_index(plaintext, context=stored.index_context)


def _holds(stored: Stored, row: Row) -> bool:
    try:
        plaintext = decrypt(row.value, context=stored.context_of(row.key))
    except DecryptionError:
        return False
    if stored.index is None:
        return True
    right = blind_indexes.blind_indexes(plaintext.decode(), context=stored.index_context)
    return row.index in right


def _label(stored: Stored, row: Row) -> str:
    return f"{stored.name} of {', '.join(map(str, row.key))}"


def _states(name: str, counts: dict[int | None, int], ring: Keyring) -> Iterator[Count]:
    first, _ = current(ring)
    for key_id, values in sorted(counts.items(), key=lambda item: item[0] or 0):
        state = "current" if key_id == first else "old" if key_id in ring else "missing"
        yield Count(name, key_id, values, state)


def _message_key_id(prefix: bytes) -> int | None:
    if len(prefix) != encryption.PREFIX.size:
        return None
    version, key_id = encryption.PREFIX.unpack(prefix)
    return int(key_id) if version == encryption.VERSION else None


def _index_key_id(prefix: bytes) -> int | None:
    return int.from_bytes(prefix) if len(prefix) == blind_indexes.PREFIX.size else None
