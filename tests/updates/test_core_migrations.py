"""A release of the core renames a column; an owner with migrations takes it, and goes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import services
import support
from updates import releases
from updates.releases import Repository

pytestmark = pytest.mark.all

# The name of its column alone: `User.disabled` is public.
OLD, NEW = "(default=False)", '("blocked", default=False)'
RENAME = '''"""Users are blocked, no longer disabled."""

from alembic import op

revision = "secure_flask_0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.alter_column("disabled", new_column_name="blocked")


def downgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.alter_column("blocked", new_column_name="disabled")
'''
FILE = "0003_blocked.py"

# An owner numbers migrations as the first two are numbered.
OWN = '''"""The department of a user."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("department", sa.String(80), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.drop_column("department")
'''
MODELS = '''"""The users."""

from secure_flask import Model, UserMixin, encrypted_column
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column


class User(UserMixin, Model):
    """A person who can log in."""

    email = encrypted_column(index=True)
    department: Mapped[str | None] = mapped_column(String(80))
'''

ADD_USERS = """
from app import create_app
from app.tasks import Task
from secure_flask import create_user, db, testing
app = create_app()
with app.app_context():
    ada = create_user("ada", "a good long password", department="Bread")
    db.session.add(Task(owner_id=ada.id, title="Bake"))
    create_user("bob", "a good long password").disabled = True
    db.session.commit()
print(testing.log_in_by_json(app.test_client(), "ada", "a good long password")["token"])
"""
# Its own last line is JSON; what it logs comes before.
USE = """
import json, sys
from app import create_app
from secure_flask import testing
from tests.conftest import stored_rows
app = create_app()
rows, client = stored_rows(app), app.test_client()
def log_in(name):
    body = {"username": name, "password": "a good long password"}
    return client.post("/login", json=body, headers={"Origin": testing.origin_of(app)}).status_code
token = {"Authorization": f"Bearer {sys.argv[1]}"}
print(json.dumps({
    "users": rows["users"], "tasks": rows["tasks"],
    "ada": log_in("ada"), "bob": log_in("bob"),
    "token of before": client.get("/me", headers=token).status_code,
}))
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The template with v0.1.0, and v0.2.0 that renames a column of the core."""
    repository = releases.first_release(tmp_path_factory.mktemp("template"))
    users = (support.FOLDER / "secure_flask" / "auth" / "users.py").read_text("utf-8")
    assert users.count(f"disabled: Mapped[bool] = mapped_column{OLD}") == 1
    changes = {
        "secure_flask/auth/users.py": users.replace(OLD, NEW),
        f"secure_flask/migrations/{FILE}": RENAME,
        f"migrations/versions/secure_flask_{FILE}": RENAME,
    }
    releases.release(repository, "0.2.0", changes)
    return repository


@pytest.fixture
def project(template: Repository, tmp_path: Path) -> Path:
    """A project of v0.1.0 whose owner added a column."""
    project = releases.render_tag(template.path, "v0.1.0", tmp_path / "render")
    own = {"app/models.py": MODELS, "migrations/versions/0003_department.py": OWN}
    releases.write(project, own)
    support.write_settings(project)
    support.init_git(project)
    return project


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_live_through_a_renamed_column_and_the_way_back(
    project: Path, template: Repository, kind: str, tmp_path: Path
) -> None:
    with services.database(kind, tmp_path) as url:
        flask(project, url, "db", "upgrade")
        token = support.python("-c", ADD_USERS, cwd=project, DATABASE_URL=url).split()[-1]
        before = use(project, url, token)
        assert (before["ada"], before["bob"], before["token of before"]) == (200, 401, 200)

        update(project, template)
        flask(project, url, "db", "upgrade")
        assert use(project, url, token) == before
        flask(project, url, "db", "check")

        go_back(project, template, url)
        assert use(project, url, token) == before
        flask(project, url, "db", "check")


def test_the_suite_of_a_project_with_migrations_is_green_after_the_update(
    project: Path, template: Repository
) -> None:
    update(project, template)
    assert 'down_revision = "0003"' in copied(project).read_text("utf-8")
    assert "passed" in support.own_tests(project)


def update(project: Path, template: Repository) -> None:
    releases.update(project, template, "v0.2.0")
    support.commit(project)


def copied(project: Path) -> Path:
    """Return the migration of the core, as the update left it among the owner's."""
    [migration] = project.glob(f"migrations/versions/*{FILE}")
    return migration


def go_back(project: Path, template: Repository, url: str) -> None:
    """Take the older core, in the order that the update asks for."""
    flask(project, url, "db", "downgrade")
    copied(project).unlink()
    support.commit(project)
    releases.update(project, template, "v0.1.0", "--downgrade")


def flask(project: Path, url: str, *arguments: str) -> None:
    support.python("-m", "flask", *arguments, cwd=project, DATABASE_URL=url)


def use(project: Path, url: str, token: str) -> dict[str, Any]:
    """Return the rows, and how the users and the login of before fare."""
    said = support.python("-c", USE, token, cwd=project, DATABASE_URL=url)
    used: dict[str, Any] = json.loads(said.splitlines()[-1])
    return used
