"""Real servers for the tests: each on a free port, in a folder of its own, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import support

SCRIPTS = Path(__file__).parent / "scripts"


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL; gives the URL of an empty database."""
    programs = find_postgresql()
    support.need(programs, "PostgreSQL")
    with servers_folder() as folder:
        data, port = folder / "data", support.free_port()
        as_server("initdb", "--username=test", "--auth=trust", f"--pgdata={data}", at=programs)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        as_server("pg_ctl", "start", "--wait", f"--pgdata={data}", f"-o {options}", at=programs)
        try:
            yield f"postgresql://test@127.0.0.1:{port}/postgres"
        finally:
            as_server("pg_ctl", "stop", "--mode=immediate", f"--pgdata={data}", at=programs)


@contextlib.contextmanager
def redis(port: int | None = None) -> Iterator[str]:
    """Start a Redis that keeps nothing on disk, on a known port if need be; gives its URL."""
    support.need(shutil.which("redis-server"), "Redis")
    port = port or support.free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL) as server:
        try:
            support.wait_until_open(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@contextlib.contextmanager
def gunicorn(project: Path, log: Path) -> Iterator[int]:
    """Serve a project with a user and no limit to failed logins; gives the port."""
    port = support.free_port()
    support.python("-m", "app.settings", cwd=project)
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write("LOGIN_RATE_LIMIT=1000000 per minute\n")
    command = ["env", *(f"{name}={value}" for name, value in support.COMPILED.items())]
    command += [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}"]
    command += [f"--pythonpath={SCRIPTS}", "app_with_user:app"]
    with support.started(*command, cwd=project, log=log) as process:
        support.wait_for(port, process, log)
        yield port


def find_postgresql() -> Path | None:
    """Return the folder of its programs: Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return Path(on_path).parent if on_path else next(reversed(installed), None)


@contextlib.contextmanager
def servers_folder() -> Iterator[Path]:
    """Make a folder that the server's account may use."""
    with tempfile.TemporaryDirectory(prefix="tests-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        yield Path(folder)


def as_server(program: str, *arguments: str, at: Path | None) -> None:
    """Run one of PostgreSQL's programs, which refuse to work for root."""
    drop = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*drop, f"{at}/{program}", *arguments]
    finished = subprocess.run(
        command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert finished.returncode == 0, finished.stderr
