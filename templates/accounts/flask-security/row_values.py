"""The values of a row as JSON, encrypted ones decrypted, for the person whom they are about."""

from typing import Any

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import inspect
from sqlalchemy.orm import Mapper

from app.crypto.encrypted_columns import EncryptedColumn

_adapter = TypeAdapter[Any](
    Any, config=ConfigDict(ser_json_bytes="base64", ser_json_inf_nan="strings")
)


def of(instance: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """All stored attributes of an object, except those named in `without`."""
    mapper: Mapper[Any] = inspect(instance).mapper
    names = [name for name in _names(mapper) if name not in without]
    return {name: as_json(getattr(instance, name)) for name in names}


def as_json(value: Any) -> Any:
    """What JSON can hold: bytes as base64, and what else it does not know as text."""
    return _adapter.dump_python(value, mode="json", fallback=str)


def _names(mapper: Mapper[Any]) -> list[str]:
    encrypted = _encrypted(mapper)
    # Ciphertexts and blind indexes say nothing to anybody.
    raw = {name for each in encrypted for name in (each.encrypted, each.index)}
    plain = [column.key for column in mapper.column_attrs if column.key not in raw]
    return [*plain, *(each.name for each in encrypted)]


def _encrypted(mapper: Mapper[Any]) -> list[EncryptedColumn]:
    infos = [getattr(attribute, "info", {}) for attribute in mapper.all_orm_descriptors]
    return [info["encrypted_column"] for info in infos if "encrypted_column" in info]
