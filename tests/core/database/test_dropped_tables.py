"""A test that has no database of its own drops no table of the database of `.env`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import secure_flask
from secure_flask import Model, SettingsError, db
from secure_flask.database import database
from sqlalchemy import Column, Integer, MetaData, Table, inspect

from core.conftest import MakeApp

OWN = MetaData()
Table("of_the_owner", OWN, Column("id", Integer, primary_key=True))

STEPS: list[Callable[[], None]] = [
    db.drop_all,
    lambda: Model.metadata.drop_all(db.engine),
    lambda: OWN.drop_all(db.engine),
]


NAMED = {
    "absolute": "DATABASE_URL=sqlite:///{file}\n",
    "lower case": "database_url='sqlite:///{file}'\n",
    "relative": "DATABASE_URL=sqlite:///{file.name}\n",
    "default": "SECRET_KEY=x\n",
}
# A script that is no test: pytest is not loaded.
SCRIPT = """
import sys
from pathlib import Path
from flask import Flask
import secure_flask
from secure_flask import Settings, db
from secure_flask.database import database
from secure_flask.settings.__main__ import fresh_secrets

database.ENV_FILE = Path(sys.argv[1])
app = Flask("shop")
app.config.update(PROJECT_NAME="Shop", SECURITY_CONTACT="a@example.org", TESTING=bool(sys.argv[3:]))
secrets = {name.lower(): value for name, value in fresh_secrets().items()}
secure_flask.init_app(app, Settings(app_env="development", **secrets, database_url=sys.argv[2]))
with app.app_context():
    db.drop_all()
    print("dropped")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".env"
    monkeypatch.setattr(database, "ENV_FILE", path)
    return path


@pytest.mark.parametrize("line", NAMED.values(), ids=NAMED)
def test_a_test_drops_no_table_of_the_database_of_env(
    make_app: MakeApp,
    file: Path,
    env_file: Path,
    line: str,
    subtests: pytest.Subtests,
) -> None:
    app = make_app(database_url=f"sqlite:///{file}")
    app.instance_path = str(file.parent)
    env_file.write_text(line.format(file=file), "utf-8")
    with app.app_context():
        OWN.create_all(db.engine)
        before = inspect(db.engine).get_table_names()
        for step in STEPS:
            with subtests.test(step=step):
                with pytest.raises(SettingsError, match=r"database of \.env\. Give your tests"):
                    step()
                assert inspect(db.engine).get_table_names() == before


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("sqlite:///{file}", "DATABASE_URL=sqlite:////other.db\n"),
        ("sqlite:///{file}", "DATABASE_URL=sqlite://\n"),
        ("sqlite://", "DATABASE_URL=sqlite://\n"),
        ("sqlite:///{file}", ""),
    ],
    ids=["another", "of a file", "of memory", "none is named"],
)
def test_a_test_drops_the_tables_of_its_own_database(
    make_app: MakeApp, file: Path, env_file: Path, url: str, line: str
) -> None:
    app = make_app(database_url=url.format(file=file))
    if line:
        env_file.write_text(line, "utf-8")
    with app.app_context():
        # Tables of a bind, which other tests declare, have no engine here.
        db.drop_all(None)
        assert inspect(db.engine).get_table_names() == []


@pytest.mark.slow
@pytest.mark.parametrize(("testing", "words"), [([], "dropped"), (["yes"], "Give your tests")])
def test_only_a_test_is_refused_also_one_of_unittest(
    file: Path, env_file: Path, testing: list[str], words: str
) -> None:
    url = f"sqlite:///{file}"
    env_file.write_text(f"DATABASE_URL={url}\n", "utf-8")
    command = [sys.executable, "-B", "-c", SCRIPT, str(env_file), url, *testing]
    folder = Path(secure_flask.__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert words in done.stdout + done.stderr
