"""docs/update.md followed: first the core, then `app/`, and the owner's edits stay."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import following
import support
from render import owner_edits
from updates import releases

EDITS = (
    owner_edits.no_example,
    owner_edits.new_columns_of_users,
    owner_edits.one_more_source,
    owner_edits.login_below_auth,
)
COMMAND = re.compile(r"^ *\$ (.+)$", re.MULTILINE)
MIGRATION = owner_edits.MIGRATION.replace("import sqlalchemy as sa\n", "").format(
    title="Violations by age",
    revision="secure_flask_0003",
    previous="secure_flask_0001",
    upgrade='    op.create_index("ix_csp_violations_last_seen", "csp_violations", ["last_seen"])',
    downgrade='    op.drop_index("ix_csp_violations_last_seen", "csp_violations")',
)
MIGRATIONS = {
    "secure_flask/migrations/0003_violations.py": MIGRATION,
    # A new render has it behind the example.
    "migrations/versions/secure_flask_0003_violations.py": MIGRATION.replace(
        '"secure_flask_0001"', '"0002"'
    ),
}
# What the next release replaces beside; the owner has edited three of these, and deleted one.
NEXT = {
    "secure_flask/csp_reports/violations.py": (
        "last_seen: Mapped[int] = mapped_column(BigInteger)",
        "last_seen: Mapped[int] = mapped_column(BigInteger, index=True)",
    ),
    "app/account.py": ("Enter your current password.", "Enter the current password."),
    "app/login.py": ("Enter your username.", "Enter your name."),
    "app/models.py": ("The users, and tables of your own.", "The users, and your own tables."),
    "app/policy.py": ("None removes one.", "None removes it."),
    "app/tasks.py": ("PER_PAGE = 100", "PER_PAGE = 50"),
}


@pytest.mark.weekly
@pytest.mark.slow
def test_both_steps_bring_the_new_release_and_keep_the_edits(tmp_path: Path) -> None:
    support.need(shutil.which("make"), "make")
    template = releases.first_release(tmp_path)
    project = create(template, tmp_path)
    edit(project)
    edited = support.run("git", "diff", "--name-only", "--diff-filter=M", "app", cwd=project)
    assert len(edited.split()) == 7
    support.commit(project)
    follow(project, "make test")
    for name, (old, new) in NEXT.items():
        releases.substitute(template.path / releases.PROJECT / name, re.escape(old), new)
    releases.release(template, "0.1.1", MIGRATIONS)
    commands = "\n".join(COMMAND.findall((project / "docs/update.md").read_text("utf-8")))
    follow(project, commands.replace("update.py", f"update.py --from={template.path}"))

    fresh = releases.render_tag(template.path, "v0.1.1", tmp_path / "fresh")
    edit(fresh)
    assert support.contents(project / "app") == support.contents(fresh / "app")
    assert support.contents(project / "secure_flask") == support.contents(fresh / "secure_flask")
    [copied] = project.glob("migrations/versions/*_violations.py")
    assert copied.name == "secure_flask_0003_violations.py"
    assert "secure_flask_0003 (head)" in support.python("-m", "flask", "db", "current", cwd=project)
    assert not list(project.rglob("*.rej"))


def create(template: releases.Repository, folder: Path) -> Path:
    """Make a project of the first release, with what its README makes, and commit it."""
    how = ("--no-input", "--checkout", "v0.1.0", "--output-dir", folder)
    support.python("-m", "cruft", "create", template.path, *how, cwd=folder)
    project = folder / "my-service"
    (project / ".venv").mkdir()
    # Links to all but `ready`, which is older than pyproject.toml: `make` would change that.
    for path in Path(sys.prefix).iterdir():
        if path.name != "ready":
            (project / ".venv" / path.name).symlink_to(path)
    (project / ".venv" / "ready").touch()
    support.write_settings(project)
    support.init_git(project)
    return project


def edit(project: Path) -> None:
    for change in EDITS:
        change(project)
    following.tidy(project)


def follow(project: Path, commands: str) -> None:
    """Run commands as somebody types them, with the tools that are installed here."""
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Someone")
    options = names | {"EMAIL": "someone@example.com", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    line = f'set -eux\nuvx() {{ "$@"; }}\n{commands}'
    support.run("bash", "-c", line, cwd=project, PATH=path, **options)
