"""What `/openapi.json` says is true: schemathesis asks a real server and finds nothing."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import support
from conftest import Bake

SCRIPTS = Path(__file__).parent / "scripts"

# A login that never works would leave most of the document untried: that fails too.
CONFIGURATION = "[warnings]\nfail-on = true\n"


@contextlib.contextmanager
def served(project: Path, log: Path) -> Iterator[int]:
    """Serve a project by gunicorn, with a user, and without a limit to failed logins."""
    port = support.free_port()
    support.python("-m", "app.settings", cwd=project)
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write("LOGIN_RATE_LIMIT=1000000 per minute\n")
    command = [sys.executable, "-B", "-m", "gunicorn", f"--bind=127.0.0.1:{port}"]
    command += [f"--pythonpath={SCRIPTS}", "app_with_user:app"]
    with support.started(*command, cwd=project, log=log) as process:
        support.wait_for(port, process, log)
        yield port


@pytest.mark.slow
@pytest.mark.parametrize("token_type", support.CHOICES["token_type"])
def test_schemathesis_finds_nothing(bake: Bake, tmp_path: Path, token_type: str) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, "utf-8")
    with served(bake(token_type=token_type).path, tmp_path / "log") as port:
        output = support.run(
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"http://127.0.0.1:{port}/openapi.json",
            "--checks=all",
            "--max-examples=30",
            "--seed=1",
            "--generation-database=none",
            "--no-color",
            cwd=tmp_path,
            PYTHONPATH=str(SCRIPTS),
            SCHEMATHESIS_HOOKS="schemathesis_hooks",
        )
    assert "No issues found" in output
    assert cases(output) > 400


def cases(output: str) -> int:
    """Return how many requests were made and passed."""
    found = re.search(r"(\d+) generated, \1 passed", output)
    return int(found[1]) if found else 0
