"""The encrypted columns of all models, and the order in which their rows are visited."""

from pathlib import Path
from typing import Any

import pytest
from secure_flask.crypto import EncryptedString, stored, stored_columns
from secure_flask.crypto.stored_columns import find_all
from secure_flask.database import db
from sqlalchemy import Column, Integer, MetaData, String, Table, text

from core.conftest import MakeApp

TABLES_OF_SQLITE = {
    "without row ids": ["CREATE TABLE notes (id TEXT PRIMARY KEY, note BLOB) WITHOUT ROWID"],
    "with a column of that name": ["CREATE TABLE notes (id TEXT PRIMARY KEY, note BLOB, RowID)"],
    "a view": ["CREATE TABLE all_notes (id, note)", "CREATE VIEW notes AS SELECT * FROM all_notes"],
}


def test_columns_of_both_kinds_are_found_in_the_order_of_their_names() -> None:
    indexed = {each.name: each.index is not None for each in find_all()}
    assert list(indexed) == sorted(indexed)
    assert (indexed["users.email"], indexed["grants.client"]) == (True, False)


@pytest.mark.parametrize("kind", TABLES_OF_SQLITE)
def test_where_rows_have_no_place_in_the_file_they_are_visited_by_their_key(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    columns: list[Column[Any]] = [
        Column("id", String, primary_key=True),
        Column("note", EncryptedString("notes")),
    ]
    columns += [Column("RowID", Integer)] * (kind == "with a column of that name")
    notes = Table("notes", MetaData(), *columns, sqlite_with_rowid=kind != "without row ids")
    monkeypatch.setattr(stored, "PAGE", 2)
    app = make_app(fill=False, database_url=f"sqlite:///{tmp_path / 'notes.db'}")
    with app.app_context():
        filled = "all_notes" if kind == "a view" else "notes"
        rows = "('a', 'x'), ('b', 'x'), ('c', 'x'), ('d', 'x'), ('e', 'x')"
        insert = f"INSERT INTO {filled} (id, note) VALUES {rows}"  # noqa: S608
        for statement in (*TABLES_OF_SQLITE[kind], insert):
            db.session.execute(text(statement))
        db.session.commit()
        [described] = stored_columns._by_type(notes)
        visited = ["".join(key for row in page for key in row.key) for page in described.pages()]
    assert visited == ["ab", "cd", "e"]
