"""What a login gave works until it is ended, and never again: whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

import support
from conftest import NewProject
from support import Answers

MACHINE = Path(__file__).with_name("scripts") / "credentials_machine.py"
EXAMPLES = 100 if support.EVERY_COMBINATION else 10


@pytest.mark.parametrize("kind", support.IN_TURNS, ids=support.name)
def test_no_order_of_events_revives_or_loses_a_credential(
    new_project: NewProject, kind: Answers
) -> None:
    project = new_project(**kind)
    support.write_settings(project)
    output = support.python(
        MACHINE,
        str(EXAMPLES),
        cwd=project,
        DATABASE_URL="sqlite:///:memory:",
        # Replayed refresh tokens count as failures; nothing here is about that.
        LOGIN_RATE_LIMIT="1000000 per minute",
        MAX_LOGINS="1000000",
    )
    assert "no such order found" in output
