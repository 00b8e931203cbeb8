"""`make demo`: renders a project with the default answers, sets it up, adds a user and serves it.

The address and the login are printed after the server responds, so that the output of the
set-up does not push them off the screen.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent
PROJECT = TEMPLATE / "build" / "my-service"
EXAMPLE = TEMPLATE / "{{cookiecutter.project_slug}}" / ".env.example"
PYTHON = PROJECT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# The server has this name, since browsers refuse passkeys on 127.0.0.1.
HOST = ("--host", "localhost")

LOGIN = """
The demo runs until you press Ctrl-C.

    address    http://localhost:{port}
    user name  demo
    password   {password}
"""


def main() -> int:
    port = checked_port(" ".join(sys.argv[1:]) or "8000")
    password = secrets.token_urlsafe(15)
    set_up()
    run(PYTHON, "-m", "flask", "user", "create", "demo", "--password-stdin", text=password)
    return serve(port, LOGIN.format(port=port, password=password))


def checked_port(text: str) -> int:
    """Refuse an unusable port before the long set-up."""
    advice = "Choose another one: make demo PORT=9000, or demo.py 9000."
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        sys.exit(f"{text!r} is no port, which is a number from 1 to 65535. {advice}")
    try:
        socket.create_server(("127.0.0.1", int(text))).close()
    except PermissionError:
        sys.exit(f"Port {text} needs more permissions than you have. {advice}")
    except OSError:
        sys.exit(f"Port {text} is taken by another program. {advice}")
    return int(text)


def set_up() -> None:
    """Render the project and set it up by the commands of its README, without make."""
    shutil.rmtree(PROJECT, ignore_errors=True)
    # --default-config: the user's own cookiecutter defaults could change the project's name.
    options = ("--no-input", "--default-config", "--output-dir", PROJECT.parent)
    run(sys.executable, "-m", "cookiecutter", TEMPLATE, *options, folder=TEMPLATE)
    run(sys.executable, "-m", "venv", ".venv")
    run(PYTHON, "-m", "pip", "install", "--quiet", "uv")
    run(PYTHON, "-m", "uv", "sync")
    run(PYTHON, "-m", "secure_flask.settings")
    run(PYTHON, "-m", "flask", "db", "upgrade")


def run(*command: str | Path, folder: Path = PROJECT, text: str = "") -> None:
    finished = subprocess.run(command, cwd=folder, env=environment(), input=text, text=True)
    if finished.returncode:
        sys.exit(f"This failed: {' '.join(map(str, command))}")


def environment() -> dict[str, str]:
    """Leave out the settings of another project, above all its DATABASE_URL."""
    settings = re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    others = re.compile("|".join([*settings, "FLASK_.*"]), re.IGNORECASE)
    return {name: value for name, value in os.environ.items() if not others.fullmatch(name)}


def serve(port: int, login: str) -> int:
    """Serve until the server stops, or until this process is stopped, which stops both."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Without the reloader the server is one process, so terminate() stops it completely.
    command = (PYTHON, "-m", "flask", "run", "--no-reload", *HOST, "--port", str(port))
    server = subprocess.Popen(command, cwd=PROJECT, env=environment())
    try:
        while server.poll() is None:
            if is_ready(port):
                print(login, flush=True)
                break
            time.sleep(0.1)
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
