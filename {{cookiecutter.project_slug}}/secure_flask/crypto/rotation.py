"""Key rotation: re-encrypts rows while the app runs; safe to interrupt and run again.

Each page of rows is one transaction. A row is updated by compare-and-swap, so a concurrent
write is never lost: the app already writes with the new key.
Source: OWASP ASVS 11.2.2; NIST SP 800-57.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from secure_flask.crypto import blind_indexes, encryption
from secure_flask.crypto.encryption import DecryptionError, decrypt, encrypt
from secure_flask.crypto.keyring import Keyring, blind_index_keys, current, encryption_keys
from secure_flask.crypto.stored import Row, Stored
from secure_flask.crypto.stored_columns import find_all
from sqlalchemy import ColumnClause, ColumnElement, func, or_


class Count(NamedTuple):
    """The number of values of one key; `key_id` is None for bytes in an unknown format."""

    name: str
    key_id: int | None
    values: int
    state: str  # "current", "old", or "missing" from the ring


class Progress(NamedTuple):
    """The progress after a page, and the rows of that page whose value does not decrypt."""

    done: int
    total: int
    failed: list[str]


def status() -> Iterator[Count]:
    """Count the values and blind indexes by key."""
    for stored in find_all():
        versioned = stored.counts(stored.value, encryption.PREFIX.size)
        ids = {_message_key_id(prefix): count for prefix, count in versioned.items()}
        yield from _states(stored.name, ids, encryption_keys())
        if stored.index is not None:
            prefixes = stored.counts(stored.index, blind_indexes.PREFIX.size)
            ids = {_index_key_id(prefix): count for prefix, count in prefixes.items()}
            yield from _states(f"{stored.name} (index)", ids, blind_index_keys())


def rotate(stored: Stored) -> Iterator[Progress]:
    """Re-encrypt the values of other keys with the first key."""
    key_id, _ = current(encryption_keys())
    prefix = encryption.PREFIX.pack(encryption.VERSION, key_id)
    outdated = func.substr(stored.value, 1, len(prefix)) != prefix
    yield from _update_rows(stored, stored.value, outdated, _reencrypted)


def reindex(stored: Stored) -> Iterator[Progress]:
    """Create missing blind indexes, and replace those of other keys than the first."""
    if stored.index is None:
        return
    key_id, _ = current(blind_index_keys())
    prefix = blind_indexes.PREFIX.pack(key_id)
    outdated = func.substr(stored.index, 1, len(prefix)) != prefix
    outdated = or_(stored.index.is_(None), outdated)
    yield from _update_rows(stored, stored.index, outdated, _reindexed)


def verify(stored: Stored) -> Iterator[Progress]:
    """Decrypt every value and compare every blind index, without changing them."""
    done, total = 0, stored.count()
    for rows in stored.pages():
        done += len(rows)
        yield Progress(
            done, total, [_label(stored, row) for row in rows if not _is_valid(stored, row)]
        )


def _update_rows(
    stored: Stored,
    target: ColumnClause[bytes],
    outdated: ColumnElement[bool],
    compute: Callable[[Stored, Row], bytes],
) -> Iterator[Progress]:
    done, total = 0, stored.count(outdated)
    for rows in stored.pages(outdated):
        swaps, failed = [], []
        for row in rows:
            try:
                swaps.append((row, compute(stored, row)))
            except DecryptionError:
                failed.append(_label(stored, row))
        stored.compare_and_swap(target, swaps)
        done += len(rows)
        yield Progress(done, total, failed)


def _reencrypted(stored: Stored, row: Row) -> bytes:
    context = stored.context_of(row.key)
    return encrypt(decrypt(row.value, context=context), context=context)


def _reindexed(stored: Stored, row: Row) -> bytes:
    plaintext = decrypt(row.value, context=stored.context_of(row.key)).decode()
    return blind_indexes.blind_index(plaintext, context=stored.index_context)


def _is_valid(stored: Stored, row: Row) -> bool:
    try:
        plaintext = decrypt(row.value, context=stored.context_of(row.key))
    except DecryptionError:
        return False
    if stored.index is None:
        return True
    valid = blind_indexes.blind_indexes(plaintext.decode(), context=stored.index_context)
    return row.index in valid


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
