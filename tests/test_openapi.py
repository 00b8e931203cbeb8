"""What `/openapi.json` says is true: schemathesis asks a real server and finds nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject

# A login that never works would leave most of the document untried: that fails too.
CONFIGURATION = "[warnings]\nfail-on = true\n"
# The document does not name the fields of a form, so most forms that it allows get a 422, and
# those with control characters a 400.
FORMS = """
[[operations]]
include-path-regex = "^/(account|tasks|login|logout|reauthenticate)"
warnings = false
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "4xx", "5xx"]

# No operation makes a login whose id is known, and none knows the password.
[[operations]]
include-path-regex = "^/(sessions/|password)"
warnings = false
"""


# tests/core/test_openapi.py says daily what the document holds.
@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize(("token_type", "examples"), [("session", 8), ("opaque", 20), ("jwt", 8)])
def test_schemathesis_finds_nothing(
    new_project: NewProject, tmp_path: Path, token_type: str, examples: int
) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION + FORMS, "utf-8")
    with services.gunicorn(new_project(token_type=token_type), tmp_path / "log") as port:
        output = support.run(
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"http://127.0.0.1:{port}/openapi.json",
            "--checks=all",
            # A form deletes a task too, by POST, which it does not expect.
            "--exclude-checks=ensure_resource_availability",
            f"--max-examples={examples}",
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
