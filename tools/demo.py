"""`make demo`: renders a project, sets it up, adds people and tasks, and serves it.

Somebody needs it who wants to look before they answer the questions.
It prints a line for each step. The full output is in build/demo.log, which an error names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn

TEMPLATE = Path(__file__).resolve().parents[1]
PROJECT = TEMPLATE / "build" / "my-service"
LOG = TEMPLATE / "build" / "demo.log"
# The port of the demo that runs, since another one would replace its project.
RUNNING = TEMPLATE / "build" / "demo.port"
EXAMPLE = TEMPLATE / "{{cookiecutter.project_slug}}" / ".env.example"
PYTHON = PROJECT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# The server has this name, since browsers refuse passkeys on 127.0.0.1.
HOST = ("--host", "localhost")

BEGIN = "This takes about a minute, and less the next time."
LOGINS = """
The demo runs until you press Ctrl-C. Its log is {log}.

    project  {project}
    address  http://localhost:{port}
"""
# What `flask seed` prints of each person who can log in.
SEEDED = re.compile(r"user (\S+), .* with password (\S+)")


def main() -> int:
    port = checked_port(*sys.argv[1:2])
    refuse_second_demo()
    answers = checked_answers(sys.argv[2:])
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    print(BEGIN)
    set_up(answers)
    with step("Add people and tasks"):
        people = SEEDED.findall(run(PYTHON, "-m", "flask", "seed", port=port))
    return serve(port, logins(port, people))


def logins(port: int, people: list[tuple[str, str]]) -> str:
    said = LOGINS.format(port=port, log=os.path.relpath(LOG), project=os.path.relpath(PROJECT))
    if (PROJECT / "app" / "accounts").exists():
        said += f"    mails    http://localhost:{port}/dev/mailbox\n"
    of_each = zip(("user", "admin"), people, strict=True)
    return said + "".join(
        f"    {who:9}{name:7}password {password}\n" for who, (name, password) in of_each
    )


def checked_port(text: str = "8000") -> int:
    """Refuse an unusable port before the long set-up."""
    advice = "Choose another one: make demo PORT=9000, or python -m tools.demo 9000."
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        sys.exit(f"{text!r} is no port, which is a number from 1 to 65535. {advice}")
    try:
        socket.create_server(("127.0.0.1", int(text))).close()
    except PermissionError:
        sys.exit(f"Port {text} needs more permissions than you have. {advice}")
    except OSError:
        sys.exit(f"Port {text} is taken by another program. {advice}")
    return int(text)


def checked_answers(texts: list[str]) -> dict[str, str]:
    """Refuse what answers no question, which cookiecutter would ignore."""
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))
    parts = [text.partition("=") for text in texts]
    answers = {name: answer for name, _, answer in parts}
    for name, answer in answers.items():
        choices = questions.get(name) if name[:1] != "_" else None
        if choices is None or (isinstance(choices, list) and answer not in choices):
            known = ", ".join(choices or [each for each in questions if each[0] != "_"])
            sys.exit(f"'{name}={answer}' is no answer to a question. Choose one of {known}.")
    return answers


def refuse_second_demo() -> None:
    """Refuse to replace the project of a demo that still runs."""
    with suppress(FileNotFoundError, ValueError):
        port = int(RUNNING.read_text("utf-8"))
        if is_ready(port):
            sys.exit(f"A demo of this folder runs at http://localhost:{port}. Stop it first.")


def set_up(answers: dict[str, str]) -> None:
    """Render the project and set it up by the commands of its README, without make."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    given = [f"{name}={answer}" for name, answer in answers.items() if name != "project_slug"]
    # --default-config: the user's own cookiecutter defaults could change the project's name.
    options = ("--no-input", "--default-config", "--output-dir", PROJECT.parent)
    name = f"project_slug={PROJECT.name}"
    with step("Render the project"):
        cookiecutter = (sys.executable, "-m", "cookiecutter")
        run(*cookiecutter, TEMPLATE, *options, *given, name, folder=TEMPLATE)
    with step("Make an environment"):
        # uv makes it in a tenth of the time that venv and pip need.
        uv = (sys.executable, "-m", "uv")
        run(*uv, "venv", "--python", sys.executable, ".venv")
        run(*uv, "pip", "install", "--python", PYTHON, "uv")
    with step("Install its packages"):
        run(PYTHON, "-m", "uv", "sync")
    with step("Write secrets, make tables"):
        run(PYTHON, "-m", "secure_flask.settings")
        run(PYTHON, "-m", "flask", "db", "upgrade")


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print a step, and its seconds when it is done."""
    print(f"  {what:28}", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:4.0f} s", flush=True)


def run(*command: str | Path, folder: Path = PROJECT, port: int = 8000) -> str:
    """Run a command, add what it prints to the log, and return its standard output."""
    with LOG.open("ab") as log:
        finished = subprocess.run(
            command, cwd=folder, env=environment(port), stdout=subprocess.PIPE, stderr=log
        )
        log.write(finished.stdout)
    if finished.returncode:
        fail(f"This failed: {' '.join(map(str, command))}")
    return finished.stdout.decode(errors="replace")


def fail(why: str) -> NoReturn:
    last = LOG.read_text("utf-8", errors="replace").splitlines()[-8:]
    sys.exit("\n".join(["", why, *last, f"All of its output is in {LOG}."]))


def environment(port: int) -> dict[str, str]:
    """Leave out the settings of another project, above all its DATABASE_URL.

    Mailed links and passkeys need the port, whose variable is Flask's own.
    """
    settings = re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    others = re.compile("|".join([*settings, "FLASK_.*"]), re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not others.fullmatch(name)}
    return kept | {"FLASK_RUN_PORT": str(port)}


def serve(port: int, login: str) -> int:
    """Serve until the server stops, or until this process is stopped, which stops both."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Without the reloader the server is one process, so terminate() stops it completely.
    command = (PYTHON, "-m", "flask", "run", "--no-reload", *HOST)
    with LOG.open("ab") as log:
        server = subprocess.Popen(
            command, cwd=PROJECT, env=environment(port), stdout=log, stderr=log
        )
    RUNNING.write_text(f"{port}", "utf-8")
    try:
        with step("Start the server"):
            while not is_ready(port):
                if server.poll() is not None:
                    fail("The server stopped.")
                time.sleep(0.1)
        print(login, flush=True)
        return server.wait()
    finally:
        server.terminate()
        server.wait()


def is_ready(port: int) -> bool:
    with suppress(OSError, HTTPException):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
