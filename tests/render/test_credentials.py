"""What a login gave works until it is ended, and never again: whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

import support
from conftest import NewProject

MACHINE = Path(__file__).with_name("credentials_machine.py")


@pytest.mark.parametrize(
    ("token_type", "examples"),
    [
        ("opaque", 5),
        pytest.param("jwt", 5, marks=pytest.mark.all),
        *(
            pytest.param(token_type, 20, marks=pytest.mark.weekly)
            for token_type in support.CHOICES["token_type"]
        ),
    ],
)
def test_no_order_of_events_revives_or_loses_a_credential(
    new_project: NewProject, token_type: str, examples: int
) -> None:
    project = new_project()
    support.write_settings(project)
    output = support.python(
        *(MACHINE, token_type, str(examples)),
        cwd=project,
        DATABASE_URL="sqlite:///:memory:",
        # Replayed refresh tokens count as failures; nothing here is about that.
        LOGIN_RATE_LIMIT="1000000 per minute",
    )
    assert "no such order found" in output
