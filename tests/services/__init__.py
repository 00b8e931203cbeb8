"""Real servers for the tests: each on a free port, in a folder of its own, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

import support
from services.certificates import write_certificate

# Programs that tests start in a project.
PROGRAMS = Path(__file__).parent
# The settings of a site in production behind one proxy.
BEHIND_A_PROXY = {"APP_ENV": "production", "TRUSTED_HOSTS": "localhost", "PROXY_HOPS": "1"}


@dataclass(frozen=True)
class PostgreSQL:
    """A server that a test may stop, start again and freeze."""

    programs: Path
    folder: Path
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://test@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("start", "--wait", f"-o {options}")

    def stop(self) -> None:
        """Stop as a crash does, without a word to anybody."""
        self._control("stop", "--mode=immediate")

    def promote(self) -> None:
        """Make a standby the primary."""
        self._control("promote", "--wait")

    def execute(self, statement: str) -> None:
        """Run a statement as its superuser."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it accept connections, as its kernel does, and say nothing."""
        first = int((self.data / "postmaster.pid").read_text("utf-8").splitlines()[0])
        frozen = [first]
        try:
            # It first, so that it starts no process that would go on.
            os.kill(first, signal.SIGSTOP)
            frozen += children_of(first)
            for process in frozen[1:]:
                os.kill(process, signal.SIGSTOP)
            yield
        finally:
            for process in frozen:
                os.kill(process, signal.SIGCONT)

    def _control(self, *arguments: str) -> None:
        as_server("pg_ctl", *arguments, f"--pgdata={self.data}", at=self.programs)


@contextlib.contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """Start a PostgreSQL with an empty database."""
    programs = find_postgresql()
    support.need(programs, "PostgreSQL")
    assert programs
    with servers_folder() as folder:
        server = PostgreSQL(programs, folder, support.free_port())
        as_server(
            "initdb",
            "--no-sync",
            "--username=test",
            "--auth=trust",
            f"--pgdata={server.data}",
            at=programs,
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


def encrypt(server: PostgreSQL, certificate: Path) -> None:
    """Let others than its superuser connect over TLS alone, and by a password."""
    key = server.data / "server.key"
    write_certificate(certificate, key)
    shutil.copy(certificate, server.data / "server.crt")
    key.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(key, "postgres", "postgres")
    rules = "host all test 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
    (server.data / "pg_hba.conf").write_text(rules, "utf-8")
    server.execute("ALTER SYSTEM SET ssl = on")
    server.execute("SELECT pg_reload_conf()")


@contextlib.contextmanager
def standby(primary: PostgreSQL) -> Iterator[PostgreSQL]:
    """Start a standby, without which the primary confirms no commit from now on."""
    support.need((primary.programs / "pg_basebackup").exists(), "pg_basebackup")
    server = PostgreSQL(primary.programs, primary.folder / "standby", support.free_port())
    address = f"--dbname={primary.url}"
    options = (f"--pgdata={server.data}", "--no-sync", "--checkpoint=fast", "--write-recovery-conf")
    as_server("pg_basebackup", address, *options, at=primary.programs)
    server.start()
    try:
        # Not before the copy, or the standby itself would wait for one after its promotion.
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL; gives the URL of an empty database."""
    with postgresql_server() as server:
        yield server.url


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database, `sqlite` in a folder or `postgresql`."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/app.db"
    else:
        with postgresql() as url:
            yield url


@contextlib.contextmanager
def pgbouncer(
    server: PostgreSQL, pool: int = 4, port: int | None = None, options: str = ""
) -> Iterator[str]:
    """Start a PgBouncer before a server, on a known port if need be; gives the database's URL.

    It knows no prepared statements, as none did before 1.21.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    support.need(program, "PgBouncer")
    assert program
    port = port or support.free_port()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        # Who may tell it what to do, by its database `pgbouncer`.
        "admin_users": "test",
        "pool_mode": "transaction",
        "default_pool_size": pool,
        "max_prepared_statements": 0,
    }
    lines = ["[databases]", f"* = host=127.0.0.1 port={server.port} user=test", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in settings.items()]
    file = server.folder / f"pgbouncer-{port}.ini"
    file.write_text("\n".join([*lines, options, ""]), "utf-8")
    # It refuses to work for root, as PostgreSQL does.
    account = "postgres" if os.geteuid() == 0 else None
    with subprocess.Popen(
        [program, "--quiet", file],
        cwd="/",
        user=account,
        group=account,
        extra_groups=[] if account else None,
    ) as pooler:
        try:
            support.wait_until_open(port)
            yield server.url.replace(f":{server.port}/", f":{port}/")
        finally:
            pooler.kill()


@contextlib.contextmanager
def redis(port: int | None = None, *options: str, program: str = "redis-server") -> Iterator[str]:
    """Start a Redis that keeps nothing on disk, on a known port if need be; gives its URL."""
    support.need(shutil.which(program), program)
    port = port or support.free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    with subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL) as server:
        try:
            support.wait_until_open(port, lambda: server.poll() is None)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@dataclass(frozen=True)
class Gunicorn:
    """A server whose workers a test may kill."""

    port: int
    process: int

    @property
    def workers(self) -> list[int]:
        return children_of(self.process)


@contextlib.contextmanager
def serving(
    project: Path, log: Path, *options: str, app: str = "app_with_user:app", **settings: str
) -> Iterator[Gunicorn]:
    """Serve a project from its first answer on; by default as `app_with_user.py` makes it.

    It listens on PORT, if that is among the settings.
    """
    port = int(settings.get("PORT") or support.free_port())
    if not (project / ".env").exists():
        support.write_settings(project)
    limits = {"LOGIN_RATE_LIMIT": "1000000 per minute"}
    environment = {**support.COMPILED, **limits, **settings}
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}"]
    command += [f"--pythonpath={PROGRAMS}", *options, app]
    with support.started(*command, cwd=project, log=log, **environment) as process:
        support.wait_for(port, process, log)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
            yield Gunicorn(port, process.pid)


@contextlib.contextmanager
def gunicorn(project: Path, log: Path) -> Iterator[int]:
    """Serve a project with a user and no limit to failed logins; gives the port."""
    with serving(project, log) as server:
        yield server.port


@contextlib.contextmanager
def flask_run(project: Path, log: Path, *options: str) -> Iterator[int]:
    """Serve a project by Flask's own server from its first answer on; gives the port."""
    port = support.free_port()
    command = (sys.executable, "-m", "flask", "run", f"--port={port}", *options)
    with support.started(*command, cwd=project, log=log, **support.COMPILED) as process:
        support.wait_for(port, process, log)
        yield port


def add_users(project: Path, database: str, *names: str) -> None:
    """Make the settings, the tables, and these users in them."""
    script, users = PROGRAMS / "app_with_user.py", " ".join(names)
    support.python(script, cwd=project, DATABASE_URL=database, USERS=users)


def children_of(process: int) -> list[int]:
    """Return the processes that the first thread of one has started."""
    support.need(sys.platform == "linux", "Linux")
    listed = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8")
    return [int(child) for child in listed.split()]


def find_postgresql() -> Path | None:
    """Return the folder of its programs: Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return Path(on_path).resolve().parent if on_path else next(reversed(installed), None)


@contextlib.contextmanager
def servers_folder() -> Iterator[Path]:
    """Make a folder that the server's account may use."""
    with tempfile.TemporaryDirectory(prefix="tests-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        yield Path(folder)


def as_server(program: str, *arguments: str, at: Path) -> None:
    """Run one of PostgreSQL's programs, which refuse to work for root."""
    root = os.geteuid() == 0
    finished = subprocess.run(
        [f"{at}/{program}", *arguments],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        user="postgres" if root else None,
        group="postgres" if root else None,
        extra_groups=[] if root else None,
    )
    assert finished.returncode == 0, finished.stderr
