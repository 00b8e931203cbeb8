"""The page of going live: its units, its commands in their order, its nginx."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import following
import services
import support
from conftest import NewProject
from services import clients, proxies

pytestmark = pytest.mark.all

PAGE = support.PAGES / "how-to" / "go-live.md"
HTTPS = {"Host": "www.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
ACCEPTED = ("database.sqlite", "redis.missing")
# What needs root, a network or a system that runs.
LEFT_OUT = re.compile(
    r"apt|certbot|curl|cd|git|install --dir|nginx|\S*python3 -m|\S+/(pip|uv)|useradd"
)
SERVICE = re.compile(r"system(ctl|d-analyze)|journalctl")


class Machine:
    """Folders in place of those that the page names, and its commands without root."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.project, self.data, self.file = project, folder / "app", folder / "app.env"
        (self.data / "backup").mkdir(parents=True)
        (project / ".venv").unlink(missing_ok=True)
        (project / ".venv").symlink_to(Path(sys.prefix))
        self.moved = {
            "/srv/app": str(project),
            "/etc/app.env": str(self.file),
            "/var/lib/app": str(self.data),
            "runuser -u app -- ": "",
            "--mode=640 --group=app": "--mode=600",
        }

    def here(self, text: str) -> str:
        for there, place in self.moved.items():
            text = text.replace(there, place)
        return text

    def run(self, command: str, **environment: str) -> str:
        return support.run("bash", "-euc", self.here(command), cwd=self.project, **environment)

    def commands(self, heading: str) -> list[str]:
        """What the page tells to type below a heading, without what manages services."""
        part = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        shown = "".join(b[3] for b in following.BLOCK.finditer(part) if b[2] == "console")
        typed = re.findall(r"^ *# (.+)$", shown, re.MULTILINE)
        return [one for one in typed if not LEFT_OUT.match(one) and not SERVICE.match(one)]

    def unit(self, name: str) -> str:
        [code] = [
            step.code
            for step in following.steps(PAGE)
            if step.language == "ini" and name in re.findall(r"system/([\w.-]+)", step.words)
        ]
        return self.here(code)

    def started(self, name: str) -> list[list[str]]:
        return commands_of(self.unit(name))

    def block(self, word: str) -> str:
        """The one block of the page that has a word."""
        [code] = [step.code for step in following.steps(PAGE) if word in step.code]
        return self.here(code)

    def environment(self) -> dict[str, str]:
        """The environment file, as systemd reads it."""
        lines = self.file.read_text("utf-8").splitlines()
        return dict(shlex.split(line)[0].split("=", 1) for line in lines if line)


def commands_of(unit: str) -> list[list[str]]:
    """The commands of a unit, as systemd splits them."""
    lines = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    return [shlex.split(line.replace("%%", "%").replace("$$", "$")) for line in lines]


@pytest.fixture
def machine(new_project: NewProject, tmp_path: Path) -> Machine:
    return Machine(new_project(), tmp_path)


def serve(machine: Machine, log: Path, then: Callable[[int], None]) -> None:
    """Start the service as its unit does."""
    port = support.free_port()
    [command] = machine.started("app.service")
    variables = {**support.COMPILED, **machine.environment(), "PORT": str(port)}
    env = ["env", "-i", f"PATH={os.environ['PATH']}"]
    env += [f"{name}={value}" for name, value in variables.items()]
    with support.started(*env, *command, cwd=machine.project, log=log) as process:
        support.wait_for(port, process, log)
        then(port)


def test_the_page_leads_from_nothing_to_a_login_and_back_from_a_copy(
    machine: Machine, tmp_path: Path
) -> None:
    support.need(shutil.which("sqlite3"), "sqlite3")
    [lines] = [step.code for step in following.steps(PAGE) if "TRUSTED_HOSTS" in step.code]
    printed = ""
    for command in machine.commands("Install the app"):
        # What the page says to accept, and an example's name, fail it.
        printed += machine.run(command.replace("--deploy", "--deploy --fail-level error"))
        if "secure_flask.settings" in command:
            with machine.file.open("a") as file:
                file.write(machine.here(lines))
    assert oct(machine.file.stat().st_mode)[-3:] == "600"
    assert {*re.findall(r"WARNING (\S+):", printed)} == {
        *ACCEPTED,
        *("pages.starter", "settings.example"),
    }
    [password] = re.findall(r"ada with password (\S+)", printed)
    kept: list[clients.Answer] = []

    def log_in(port: int) -> None:
        kept.append(clients.log_in(port, "ada", password, HTTPS))
        assert kept[0].status == 200

    def has_ended(port: int) -> None:
        bearer = {"Authorization": f"Bearer {kept[0].body['token']}", **HTTPS}
        assert clients.ask(port, "/me", headers=bearer).status == 401
        assert clients.log_in(port, "ada", password, HTTPS).status == 200

    serve(machine, tmp_path / "log", log_in)
    # Where the recipes of pictures and files write.
    uploaded = machine.project / "instance" / "files" / "1"
    uploaded.parent.mkdir()
    uploaded.write_text("a photo")
    for daily in machine.started("app-daily.service"):
        support.run(*daily, cwd=machine.project, **machine.environment())
    [day] = {copy.stem for copy in (machine.data / "backup").iterdir()}
    uploaded.unlink()
    with sqlite3.connect(machine.data / "app.db") as database:
        database.execute("DROP TABLE users")
    for command in machine.commands("A copy comes back"):
        machine.run(command.replace("/3.", f"/{day}."))
    assert uploaded.read_text() == "a photo"
    serve(machine, tmp_path / "log", has_ended)


def test_two_instances_share_the_logins_of_one_postgresql(machine: Machine, tmp_path: Path) -> None:
    machine.run(
        next(
            line for line in machine.commands("Install the app") if "secure_flask.settings" in line
        )
    )
    (tmp_path / "app.service").write_text(machine.unit("app.service"), "utf-8")
    with services.postgresql_server() as server, services.redis() as redis:
        machine.moved |= {
            "/etc/systemd/system": str(tmp_path),
            "runuser -u postgres -- ": "",
            "host=/run/postgresql": f"host=127.0.0.1&port={server.port}",
            "redis://127.0.0.1:6379/0": redis,
        }
        lines = f"TRUSTED_HOSTS=www.example.org\nPROXY_HOPS=1\n{machine.block('REDIS_URL')}"
        with machine.file.open("a") as file:
            file.write(lines)
        programs = f"{server.programs}:{os.environ['PATH']}"
        theirs = {"PATH": programs, "PGHOST": "127.0.0.1", "PGPORT": str(server.port)}
        printed = ""
        for command in machine.commands("PostgreSQL, Redis and two instances"):
            here = command.replace("--deploy", "--deploy --fail-level error")
            printed += machine.run(here, **theirs, PGUSER="test")
        assert {*re.findall(r"WARNING (\S+):", printed)} == {"pages.starter", "settings.example"}
        [password] = re.findall(r"ada with password (\S+)", printed)
        bearer = {**HTTPS}

        def log_in(port: int) -> None:
            token = clients.log_in(port, "ada", password, HTTPS).body["token"]
            bearer["Authorization"] = f"Bearer {token}"

        def is_logged_in(port: int) -> None:
            assert clients.ask(port, "/me", headers=bearer).status == 200

        serve(machine, tmp_path / "log", log_in)
        serve(machine, tmp_path / "log", is_logged_in)
        [copying] = commands_of(machine.block("pg_dump"))
        support.run(*copying, cwd=machine.project, **machine.environment(), PATH=programs)
    [copy] = (machine.data / "backup").iterdir()
    assert copy.read_bytes().startswith(b"PGDMP")
    assert "\nUser=app\nEnvironment=PORT=%i\n" in (tmp_path / "app@.service").read_text("utf-8")


def test_a_release_of_two_instances_installs_what_they_were_set_up_with() -> None:
    part = PAGE.read_text("utf-8").partition("\n## PostgreSQL, Redis")[2].partition("\n## ")[0]
    set_up, released = re.findall(r"uv sync (.+)", part)
    assert released == set_up


def test_the_copy_is_whole_while_the_site_is_used(machine: Machine) -> None:
    open_ = sqlite3.connect(machine.data / "app.db")
    open_.execute("PRAGMA journal_mode = WAL")
    open_.execute("CREATE TABLE numbers (number)")
    open_.execute("INSERT INTO numbers VALUES (7)")
    open_.commit()
    open_.execute("INSERT INTO numbers VALUES (8)")
    support.need(shutil.which("sqlite3"), "sqlite3")
    *_, copying, _ = machine.started("app-daily.service")
    support.run(*copying, cwd=machine.project)
    open_.close()
    [copy] = (machine.data / "backup").iterdir()
    assert sqlite3.connect(copy).execute("SELECT number FROM numbers").fetchall() == [(7,)]


def test_systemd_reads_the_units_and_calls_their_exposure_small(
    machine: Machine, tmp_path: Path
) -> None:
    analyze = shutil.which("systemd-analyze")
    support.need(analyze, "systemd-analyze")
    assert analyze
    machine.file.touch()
    files = [tmp_path / f"app{end}" for end in (".service", "-daily.service", "-daily.timer")]
    for file in files:
        # An account that each system has; `verify` says so of `nobody` alone.
        file.write_text(machine.unit(file.name).replace("User=app", "User=daemon"), "utf-8")
    assert support.run(analyze, "verify", *files, cwd=tmp_path) == ""
    security = ("security", "--offline=yes", "--threshold=20", files[0])
    support.run(analyze, *security, cwd=tmp_path)


def test_the_words_for_an_nginx_before_1_25_1_serve_one_instance_by_http_2(tmp_path: Path) -> None:
    page = proxies.PAGE.read_text("utf-8")
    [(old, new)] = re.findall(r"write `(listen .+?;)` instead of `(listen .+?;)`", page)
    changes = {
        f"    {new}\n    http2 on;": f"    {old}",
        "server 127.0.0.1:8001 fail_timeout=1s;": "",
    }
    with proxies.nginx(tmp_path, tmp_path, support.free_port(), 0, changes) as proxy:
        said = proxies.curl(proxy, "/", "%{http_version} %{http_code}")
    # Nothing is behind it.
    assert said == "2 502"
