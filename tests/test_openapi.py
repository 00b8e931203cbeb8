"""What `/openapi.json` says is true: schemathesis asks a real server and finds nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject
from support import Answers

# A login that never works would leave most of the document untried: that fails too.
CONFIGURATION = "[warnings]\nfail-on = true\n"
# The document does not name the fields of a form, so most forms that it allows get a 422.
FORMS = """
[[operations]]
include-path-regex = "^/(account|tasks)"
warnings = false
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 401, 403, 404, 422, 429, "5xx"]
"""
# No chance finds a code, a mailed link or the state of a passkey, and no user here has a role.
# `DELETE /me` deletes the user with whom all others are called.
ACCOUNTS = """
[[operations]]
include-path-regex = "^/(register|confirm|reset|change-email|tf-|mf-|wan-|admin|dev)"
warnings = false
checks.positive_data_acceptance.expected-statuses = [
    "2xx", "3xx", 400, 401, 403, 404, 409, 422, 429, "5xx"
]

[[operations]]
include-name = "DELETE /me"
enabled = false
"""
EXAMPLES = 100 if support.EVERY_COMBINATION else 8


@pytest.mark.slow
@pytest.mark.parametrize("kind", support.IN_TURNS, ids=support.name)
def test_schemathesis_finds_nothing(new_project: NewProject, tmp_path: Path, kind: Answers) -> None:
    forms = FORMS if kind["token_type"] == "session" else ""
    accounts = ACCOUNTS if kind["accounts"] == "flask-security" else ""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION + forms + accounts, "utf-8")
    with services.gunicorn(new_project(**kind), tmp_path / "log") as port:
        output = support.run(
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"http://127.0.0.1:{port}/openapi.json",
            "--checks=all",
            f"--max-examples={EXAMPLES}",
            "--seed=1",
            "--generation-database=none",
            "--no-color",
            cwd=tmp_path,
            PYTHONPATH=str(services.SCRIPTS),
            SCHEMATHESIS_HOOKS="schemathesis_hooks",
        )
    assert "No issues found" in output
    assert cases(output) > 300


def cases(output: str) -> int:
    """Return how many requests were made and passed."""
    found = re.search(r"(\d+) generated, \1 passed", output)
    return int(found[1]) if found else 0
