"""Encrypted columns on real databases: keys changed under a running app, plain values taken over."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject

ROWS = services.PROGRAMS / "encrypted_rows.py"
USERS = 2_000  # four pages of rotation
KILLS = 2

RINGS = ("ENCRYPTION_KEYS", "BLIND_INDEX_KEYS")

PROGRESS = re.compile(r"users\.email_encrypted: \d+ values\n")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.all)])
def project(
    request: pytest.FixtureRequest, new_project: NewProject, tmp_path: Path
) -> Iterator[Path]:
    """Make a project with settings, on each kind of database."""
    path = new_project()
    support.write_settings(path)
    with services.database(request.param, tmp_path) as url:
        set_in_env_file(path, DATABASE_URL=url)
        yield path


def set_in_env_file(project: Path, **settings: str) -> None:
    """Put settings below the others: the last of a name counts."""
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())


def in_env_file(project: Path, name: str) -> str:
    text = (project / ".env").read_text("utf-8")
    return str(re.findall(rf"^{name}=(.*)$", text, re.M)[-1])


def start(project: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=project,
        env=os.environ | support.COMPILED,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.all
@pytest.mark.slow
def test_changing_keys_can_be_killed_beside_a_writer_and_loses_nothing(project: Path) -> None:
    support.python(ROWS, "fill", str(USERS), cwd=project)
    new = {name: f"2:{secrets.token_urlsafe(32)}" for name in RINGS}
    both = {name: f"{key},{in_env_file(project, name)}" for name, key in new.items()}
    set_in_env_file(project, **both)
    with ThreadPoolExecutor() as reader, start(project, ROWS, "write") as writer:
        assert writer.stdin
        assert writer.stdout
        written = reader.submit(writer.stdout.readlines)
        for _ in range(KILLS):
            kill_after_a_page(project)
        support.python("-m", "flask", "crypto", "rotate", cwd=project)
        writer.stdin.close()
        # Leaving the block would close what the reader still reads.
        changes = dict(json.loads(line) for line in written.result())
    set_in_env_file(project, **new)
    found = json.loads(support.python(ROWS, "read", cwd=project).splitlines()[-1])
    assert changes
    assert found["addresses"] == addresses() | changes
    assert not re.search("old|missing", found["status"])


def kill_after_a_page(project: Path) -> None:
    """Let it change some rows and kill it while it changes more."""
    with start(project, "-m", "flask", "crypto", "rotate") as process:
        assert process.stdout
        # The columns that hold nothing are done at once.
        assert any(PROGRESS.fullmatch(line) for line in process.stdout)
        process.kill()
    assert process.returncode < 0


def addresses() -> dict[str, str]:
    """Return the addresses that `fill` gives."""
    return {f"user-{number}": f"user-{number}@example.org" for number in range(USERS)}


# What its page tells to write.
LINE = re.compile(r"^ *phone = encrypted_column\(.*$", re.M)
RENAMED = re.compile(r"^ *mobile = encrypted_column\(.*$", re.M)
RENAMING = re.compile(r"^    with [^\n]+\n +batch_op\.drop_index.*?(?=^```)", re.M | re.S)
IN_MIGRATION = re.compile(r"^    encrypt_plain\(.*?(?=^```)", re.M | re.S)

TYPES = "from sqlalchemy import String\nfrom sqlalchemy.orm import Mapped, mapped_column\n"
PLAIN = "    phone: Mapped[str | None] = mapped_column(String(40))"
IMPORTS = """
from app.models import User
from secure_flask import encrypt_plain
"""
PROLOGUE = """
import json
from flask_migrate import check, migrate, upgrade
from sqlalchemy import select
from wsgi import app
from app.models import User
from secure_flask import db

app.app_context().push()
upgrade()
"""
WRITE_MIGRATION = 'migrate(message="phone")\n'
ADD_ADA = """
upgrade()
db.session.add(User(name="ada", password_hash="", phone="+44 20"))
db.session.commit()
"""
FIND_ADA = """
check()
[ada] = db.session.scalars(select(User).where(User.phone == "+44 20"))
print(json.dumps([ada.name, ada.phone]))
"""
FIND_BY_MOBILE = FIND_ADA.replace("phone", "mobile")
FOUND = '["ada", "+44 20"]'


@pytest.mark.all
@pytest.mark.slow
def test_a_new_encrypted_column_takes_one_line_and_one_migration(project: Path) -> None:
    put_into_model(project, from_page(project, LINE))
    assert FOUND in python(project, WRITE_MIGRATION, ADD_ADA, FIND_ADA)


@pytest.mark.all
@pytest.mark.slow
def test_plain_values_are_encrypted_by_the_migration(project: Path) -> None:
    put_into_model(project, PLAIN)
    python(project, WRITE_MIGRATION, ADD_ADA)
    put_into_model(project, from_page(project, LINE))
    migration = written_migration(project)
    dropping = '        batch_op.drop_column("phone")\n'
    text = migration.read_text("utf-8").replace(dropping, from_page(project, IN_MIGRATION), 1)
    migration.write_text(text.replace("import op\n", f"import op\n{IMPORTS}"), "utf-8")
    assert FOUND in python(project, FIND_ADA)


@pytest.mark.all
@pytest.mark.slow
def test_a_renamed_column_keeps_its_values(project: Path) -> None:
    put_into_model(project, from_page(project, LINE))
    python(project, WRITE_MIGRATION, ADD_ADA)
    put_into_model(project, from_page(support.PAGES / "how-to", RENAMED, "encryption.md"))
    migration = written_migration(project)
    renaming = from_page(support.PAGES / "how-to", RENAMING, "encryption.md")
    upgrade = r"(?<=def upgrade\(\) -> None:\n).*?(?=\n\n\ndef )"
    text = re.sub(upgrade, renaming, migration.read_text("utf-8"), flags=re.S)
    migration.write_text(text, "utf-8")
    assert FOUND in python(project, FIND_BY_MOBILE)


def written_migration(project: Path) -> Path:
    """Let `flask db migrate` write a migration."""
    known = set(project.glob("migrations/versions/*.py"))
    python(project, WRITE_MIGRATION)
    (migration,) = set(project.glob("migrations/versions/*.py")) - known
    return migration


def put_into_model(project: Path, line: str) -> None:
    """Let the model of a user have this column of the name."""
    model = project / "app" / "models.py"
    text = re.sub(r"^    (?:phone|mobile).*\n", "", model.read_text("utf-8"), flags=re.M)
    text = re.sub(r"^    email = .*\n", rf"\g<0>    {line.strip()}\n", text, flags=re.M)
    text = text.replace("from secure_flask import", f"{TYPES}from secure_flask import", 1)
    model.write_text(text, "utf-8")


def from_page(project: Path, pattern: re.Pattern[str], name: str = "docs/encryption.md") -> str:
    page = project / name
    shown = pattern.search(page.read_text("utf-8"))
    assert shown
    return shown[0]


def python(project: Path, *lines: str) -> str:
    return support.python("-c", "".join([PROLOGUE, *lines]), cwd=project)
