"""What the answer to `accounts` leaves out, and what it never takes away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import support
from answers.replaying import replay
from conftest import NewProject

# Each costs a command about a tenth of its time.
LARGE = {"email_validator", "webauthn"}
IMPORTED = f"print(sorted({LARGE} & sys.modules.keys()))"
COMMAND = f"""
import atexit, sys
from flask.cli import main
atexit.register(lambda: {IMPORTED})
sys.argv = ["flask", "user", "list"]
main()
"""
SERVER = f"import sys, wsgi; {IMPORTED}"
OVER = ("--no-input", "--overwrite-if-exists")


def test_what_an_owner_has_there_is_not_removed(tmp_path: Path) -> None:
    """Where somebody renders over a project, whose folders may have the same names."""
    out = tmp_path / "out"
    own = {out / "my-service" / part / "own.py" for part in support.OF_ACCOUNTS}
    for file in own:
        file.parent.mkdir(parents=True)
        file.write_text("", "utf-8")
    refusal = replay(out, str(support.TEMPLATE), *OVER).refusal.text
    assert [part for part in support.OF_ACCOUNTS if f"\n  {part}\n" not in refusal] == []
    assert "accounts=self-service" in refusal
    assert {*filter(Path.is_file, out.rglob("*"))} == own


@pytest.mark.all
def test_without_hooks_the_app_starts_and_names_what_is_left(tmp_path: Path) -> None:
    options = (str(support.TEMPLATE), "--no-input", "--accept-hooks=no")
    project = replay(tmp_path / "out", *options).project
    support.write_settings(project)
    support.python("-m", "flask", "db", "upgrade", cwd=project)
    support.python("-m", "flask", "user", "create", "ada", cwd=project)
    checked = support.run("sh", "-c", f"{sys.executable} -m flask check || true", cwd=project)
    assert "core.leftovers: Nothing uses app/accounts" in checked
    assert "core.leftovers: Nothing uses secure_flask/accounts" in checked


@pytest.mark.all
def test_a_server_imports_at_its_start_what_commands_do_without(ready_project: NewProject) -> None:
    project = ready_project(accounts="self-service")
    assert support.python("-c", COMMAND, cwd=project).splitlines()[-1] == "[]"
    assert support.python("-c", SERVER, cwd=project).splitlines()[-1] == str(sorted(LARGE))
