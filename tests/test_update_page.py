"""docs/update.md followed: first the core, then `app/`, and the owner's edits stay."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import following
import owner_edits
import releases
import support

# They change files of `app/` that the template has too.
EDITS = (
    owner_edits.no_example,
    owner_edits.new_columns_of_users,
    owner_edits.one_more_source,
    owner_edits.login_below_auth,
    owner_edits.other_words_of_the_error_page,
)
COMMAND = re.compile(r"^ *\$ (.+)$", re.MULTILINE)
MIGRATION = owner_edits.MIGRATION.replace("import sqlalchemy as sa\n", "").format(
    title="Violations by age",
    revision="core_0002",
    previous="0001",
    upgrade='    op.create_index("ix_csp_violations_last_seen", "csp_violations", ["last_seen"])',
    downgrade='    op.drop_index("ix_csp_violations_last_seen", "csp_violations")',
)
# What the next release replaces, by file; the owner has deleted one of these.
NEXT = {
    "secure_flask/csp_reports/violations.py": (
        "last_seen: Mapped[int] = mapped_column(BigInteger)",
        "last_seen: Mapped[int] = mapped_column(BigInteger, index=True)",
    ),
    "app/account.py": ("The login has ended.", "That login has ended."),
    "app/login.py": ("Enter your username.", "Enter your name."),
    "app/models.py": ("The users, and tables of your own.", "The users, and your own tables."),
    "app/policy.py": ("None removes one.", "None removes it."),
    "app/tasks.py": ("PER_PAGE = 100", "PER_PAGE = 50"),
}


@pytest.mark.slow
def test_both_steps_bring_the_new_release_and_keep_the_edits(tmp_path: Path) -> None:
    support.need(shutil.which("make"), "make")
    template = releases.first_release(tmp_path)
    project = create(template, tmp_path)
    edit(project)
    assert len(changed(project)) >= 7
    support.commit(project)
    follow(project, "make test", tmp_path)
    release_next(template)
    page = (project / "docs" / "update.md").read_text("utf-8")
    commands = "\n".join(COMMAND.findall(page))
    update = "secure_flask/update.py"
    follow(project, commands.replace(update, f"{update} --from={template.path}"), tmp_path)

    fresh = releases.render_tag(template.path, "v0.2.0", tmp_path / "fresh")
    edit(fresh)
    for wing in ("app", "secure_flask"):
        assert contents(project / wing) == contents(fresh / wing)
    assert [file.name for file in project.glob("migrations/versions/*_violations.py")] == [
        "0002_violations.py"
    ]
    assert not list(project.rglob("*.rej"))


def create(template: releases.Repository, folder: Path) -> Path:
    """Make a project of the first release, with all that its README makes, and commit it."""
    how = ("--no-input", "--checkout", "v0.1.0", "--output-dir", folder)
    support.python("-m", "cruft", "create", template.path, *how, cwd=folder)
    project = folder / "my-service"
    (project / ".venv").mkdir()
    # A link would be older than pyproject.toml, so `make` would change what it leads to.
    for path in Path(sys.prefix).iterdir():
        (project / ".venv" / path.name).symlink_to(path)
    support.write_settings(project)
    support.init_git(project)
    return project


def edit(project: Path) -> None:
    for change in EDITS:
        change(project)
    following.tidy(project)


def changed(project: Path) -> list[str]:
    """Return the files of the template that differ from the last commit."""
    diff = ("git", "diff", "--name-only", "--diff-filter=M", "--", "app")
    return support.run(*diff, cwd=project).splitlines()


def release_next(template: releases.Repository) -> None:
    folder = template.path / releases.PROJECT
    for name, (old, new) in NEXT.items():
        releases.substitute(folder / name, re.escape(old), new)
    migrations = {
        "secure_flask/migrations/0002_violations.py": MIGRATION,
        # A new render has it behind the example.
        "migrations/versions/0003_violations.py": MIGRATION.replace('"0001"', '"0002"'),
    }
    releases.release(template, "0.2.0", migrations)


def follow(project: Path, commands: str, folder: Path) -> None:
    """Run commands as somebody types them, with the tools that are installed here."""
    uvx = folder / "bin" / "uvx"
    uvx.parent.mkdir(exist_ok=True)
    uvx.write_text('#!/bin/sh\nexec "$@"\n', "utf-8")
    uvx.chmod(0o755)
    path = os.pathsep.join([str(uvx.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    author = {f"GIT_{who}_NAME": "Someone" for who in ("AUTHOR", "COMMITTER")}
    author |= {f"GIT_{who}_EMAIL": "someone@example.com" for who in ("AUTHOR", "COMMITTER")}
    options = {"PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **author}
    support.run("bash", "-euxc", commands, cwd=project, **options)


def contents(folder: Path) -> dict[str, bytes]:
    files = filter(Path.is_file, folder.rglob("*"))
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}
