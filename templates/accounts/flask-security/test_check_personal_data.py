"""Tables that people cannot download, and that keep them from leaving."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import Column, ForeignKey, Integer, Table, Uuid

from app.checks import registry
from app.db import Model

UNLISTED, UNDELETABLE = "personal-data.unlisted", "personal-data.undeletable"
CASCADE, NULL = "CASCADE", "SET NULL"
# The other tests of this folder leave these checks out.
CHECKS = registry.CHECKS

Find = Callable[..., list[str]]


@pytest.fixture
def find(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Find:
    """`find(UNLISTED, probe_bills="user_0")`: what a check says where PERSONAL_DATA is that."""

    def find(finding_id: str, **named: str) -> list[str]:
        monkeypatch.setitem(app.config, "PERSONAL_DATA", named)
        with app.app_context():
            return [finding.message for finding in CHECKS[finding_id].find(app)]

    return find


def about(messages: list[str]) -> list[str]:
    """The findings about the table of these tests: tables of yours may have others."""
    return [message for message in messages if message.startswith("probe_bills")]


@pytest.fixture
def make_bills() -> Iterator[None]:
    yield
    Model.metadata.remove(Model.metadata.tables["probe_bills"])


def bills(*actions: str | None) -> None:
    """Make a table that refers to users once for each action."""
    columns = [
        Column(f"user_{number}", Uuid, ForeignKey("users.id", ondelete=action))
        for number, action in enumerate(actions)
    ]
    Table("probe_bills", Model.metadata, Column("id", Integer, primary_key=True), *columns)


@pytest.mark.usefixtures("make_bills")
def test_a_table_that_the_policy_does_not_name_is_reported(find: Find) -> None:
    bills(CASCADE)
    assert len(about(find(UNLISTED))) == 1
    assert about(find(UNLISTED, probe_bills="user_0")) == []


@pytest.mark.usefixtures("make_bills")
def test_a_reference_that_forbids_deletion_is_reported(find: Find) -> None:
    bills(CASCADE, NULL, None, "RESTRICT")
    found = about(find(UNDELETABLE))
    assert [message.partition(" ")[0] for message in found] == [
        "probe_bills.user_2",
        "probe_bills.user_3",
    ]


@pytest.mark.usefixtures("make_bills")
def test_rows_that_are_deleted_first_forbid_nothing(find: Find) -> None:
    bills(None)
    assert about(find(UNDELETABLE, probe_bills="user_0")) == []


def test_the_tables_of_accounts_are_no_finding(find: Find) -> None:
    for finding_id in (UNLISTED, UNDELETABLE):
        named = [message.partition(" ")[0] for message in find(finding_id)]
        assert not {"grants", "passkeys", "pending_steps", "user_roles"} & set(named)
