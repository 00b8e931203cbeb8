"""What an observer learns of a request: from its answer, and from the work that its time tells."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher
from flask import Flask
from secure_flask import db
from secure_flask.auth import passwords, throttle
from sqlalchemy import inspect, text
from werkzeug.test import TestResponse

from core.statements import statements_of

# Nonces and the ids of requests.
RANDOM = re.compile(r"[A-Za-z0-9+/_-]{22,}")


class Seen(NamedTuple):
    status: int
    headers: str
    body: str
    statements: list[str]
    hashes: int


def observe(app: Flask, request: Callable[[], TestResponse]) -> Seen:
    with statements_of(app) as sent, counted_hashes() as hashes:
        answer = request()
    headers, body = (RANDOM.sub("", each) for each in (str(answer.headers), answer.text))
    return Seen(answer.status_code, headers, body, sent.statements, len(hashes))


def counted_attempts(monkeypatch: pytest.MonkeyPatch) -> set[str | None]:
    """The accounts for which attempts count from now on."""
    counted, attempt = set[str | None](), throttle.count_attempt

    def note(purpose: str, account: str | None = None) -> AbstractContextManager[throttle.Attempt]:
        counted.add(account)
        return attempt(purpose, account)

    monkeypatch.setattr(throttle, "count_attempt", note)
    return counted


@contextmanager
def counted_hashes() -> Iterator[list[str]]:
    calls: list[str] = []

    class Counting(PasswordHasher):
        def hash(self, password: str | bytes, **options: Any) -> str:
            calls.append("hash")
            return super().hash(password, **options)

        def verify(self, hash: str | bytes, password: str | bytes) -> Any:
            calls.append("verify")
            return super().verify(hash, password)

    with patch.object(passwords, "hasher", Counting(1, 8, 1)):
        yield calls


def stored_rows(app: Flask) -> dict[str, list[Any]]:
    """All rows of all tables as the database has them, which decrypts nothing."""
    with app.app_context():
        names = inspect(db.engine).get_table_names()
        queries = {name: text(f'SELECT * FROM "{name}"') for name in names}  # noqa: S608
        return {name: [*db.session.execute(query).all()] for name, query in queries.items()}
