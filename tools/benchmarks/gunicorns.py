"""What wrk gets from gunicorn: the requests of `tools.benchmarks.assembled`, to both apps.

Each server has the project's own gunicorn.conf.py, one process, and SQLite. wrk asks each in turn,
over four connections, and shares the machine with it. Then the project does more: it counts
requests, in its memory or in Redis, and it has PostgreSQL or two processes.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.benchmarks import assembled, rendered
from tools.benchmarks.assembled import LINES, OTHERS, OURS, Request
from tools.benchmarks.measure import Claim, Report, Timing, timing_of

sys.path.append(str(rendered.TEMPLATE / "tests"))

import services
import support

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 4
# How many times as long the project may take. wrk and the server share two processors, so that the
# slowest of a hundred requests differ more between two rounds than between the apps.
AT_MOST = {"JSON": 0.8, "page": 0.8, "form": 0.85, "logged in": 0.94, "login": 1.1}
AT_MOST_SLOWEST = 2.0
SLOWEST = "99 % within"

# What the project is asked for, and how many times as long a request of a user then may take.
LIMITED = {"RATE_LIMIT": assembled.LIMIT}
USER, LESS = "logged in", "as rendered"
MORE = {"RATE_LIMIT": 1.15, "RATE_LIMIT in Redis": 1.3, "PostgreSQL": 1.6, "two processes": 1.0}

# Each request comes from an address of its own, so that no limit is reached.
SCRIPT = """
{lines}
local number = 0
request = function()
  number = number + 1
  local third, fourth = math.floor(number / 250) % 250, number % 250
  wrk.headers["X-Forwarded-For"] = "10." .. math.floor(number / 62500) .. "." .. third .. "." .. fourth
  return wrk.format()
end
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.stderr:write(string.format("[%d, %d, %d, %d]",
    summary.requests, summary.duration, latency:percentile(99), failed))
end
"""


class Server:
    """A server, the requests to it, and the seconds that each kind took in each round."""

    def __init__(self, port: int, folder: Path, requests: list[Request]) -> None:
        self.port, self.folder = port, folder
        self.requests = {each.kind: each for each in requests}
        self.taken: dict[str, list[float]] = {}

    def ask(self, kind: str) -> None:
        """Let wrk ask for some seconds; note them for one request, and within how many 99 % came.

        Raises RuntimeError if a request fails.
        """
        sent = self.requests[kind]
        script = self.folder / "request.lua"
        script.write_text(SCRIPT.replace("{lines}", _as_lua(sent)), "utf-8")
        command = [
            "wrk",
            "-t1",
            "--timeout=30s",
            f"-c{CONNECTIONS}",
            f"-d{SECONDS}s",
            "-s",
            str(script),
        ]
        command.append(f"http://127.0.0.1:{self.port}{sent.path}")
        finished = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        requests, microseconds, slowest, failed = json.loads(finished.stderr)
        if failed or not requests:
            raise RuntimeError(f"{failed} of {requests} requests to {sent.path} failed")
        self.taken.setdefault(kind, []).append(microseconds / requests / 1e6)
        self.taken.setdefault(f"{kind}, {SLOWEST}", []).append(slowest / 1e6)


def need_wrk() -> None:
    """Exit with what to install if there is no wrk."""
    if not shutil.which("wrk"):
        sys.exit(
            "The table of gunicorn needs wrk: install it (`apt install wrk`), or name the other"
            " tables, as in `make bench ONLY='requests headers'`."
        )


def measure() -> Report:
    need_wrk()
    with rendered.temporary_folder() as folder, ExitStack() as stack:
        cors_origins = " ".join(rendered.CORS_ORIGINS)
        rendered.render(rendered.TEMPLATE, Path(folder), "served", cors_origins=cors_origins)
        project = Path(folder, "served")
        support.write_settings(project)
        pairs = {
            f"{name}, {who}": stack.enter_context(_served(project, who, ACCESS_LOG=str(has_line)))
            for has_line, name in LINES.items()
            for who in (OURS, OTHERS)
        }
        timings = _in_turn(pairs, list(AT_MOST))
    with rendered.temporary_folder() as folder, ExitStack() as stack:
        rendered.render(rendered.TEMPLATE, Path(folder), "served", cors_origins=cors_origins)
        timings |= _in_turn(dict(_asked_for_more(Path(folder, "served"), stack)), [USER])
    claims = [*_beside_the_other(timings), *_beside_less(timings)]
    baseline = f"JSON, {LINES[True]}, {OTHERS}"
    return Report("The same through gunicorn, by wrk", timings, claims, baseline=baseline)


def _asked_for_more(project: Path, stack: ExitStack) -> Iterator[tuple[str, Server]]:
    support.write_settings(project)
    redis = {"REDIS_URL": stack.enter_context(services.redis())}
    settings = {LESS: {}, "RATE_LIMIT": LIMITED, "RATE_LIMIT in Redis": LIMITED | redis}
    if services.find_postgresql():
        for name, more in (("PostgreSQL", {}), ("two processes", redis | {"WEB_CONCURRENCY": "2"})):
            url = stack.enter_context(services.postgresql())
            settings[name] = more | {"DATABASE_URL": url}
    for name, each in settings.items():
        yield name, stack.enter_context(_served(project, OURS, **each))


@contextmanager
def _served(project: Path, who: str, **settings: str) -> Iterator[Server]:
    with rendered.temporary_folder() as folder:
        environment = {
            "APP_ENV": "production",
            "DATABASE_URL": f"sqlite:///{folder}/served.db",
            "TRUSTED_HOSTS": assembled.HOST,
            "PROXY_HOPS": "1",
            "ACCESS_LOG": "True",
            "LOGIN_RATE_LIMIT": assembled.LIMIT,
            "MEASURED": who,
            "PYTHONPATH": str(rendered.TEMPLATE),
            **support.COMPILED,
            **settings,
        }
        printed = support.python("-m", "tools.benchmarks.served_apps", cwd=project, **environment)
        requests = [Request(**each) for each in json.loads(printed.splitlines()[-1])]
        port, log = support.free_port(), Path(folder, "log")
        command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}"]
        command.append("tools.benchmarks.served_apps:app")
        with support.started(*command, cwd=project, log=log, **environment) as process:
            support.wait_for(port, process, log)
            yield Server(port, Path(folder), requests)


def _in_turn(servers: dict[str, Server], kinds: list[str]) -> dict[str, Timing]:
    for kind in kinds * ROUNDS:
        for server in servers.values():
            server.ask(kind)
    return {
        f"{kind}, {name}": timing_of(taken)
        for name, server in servers.items()
        for kind, taken in server.taken.items()
    }


def _as_lua(sent: Request) -> str:
    """Lua takes the escapes of JSON for ASCII."""
    headers = {"Host": assembled.HOST, **sent.headers}
    if sent.body:
        headers["Content-Type"] = sent.content_type
    lines = [f'wrk.method = "{"POST" if sent.body else "GET"}"', f"wrk.body = {_quoted(sent.body)}"]
    lines += [f"wrk.headers[{_quoted(name)}] = {_quoted(text)}" for name, text in headers.items()]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return json.dumps(text) if text else "nil"


def _beside_the_other(timings: dict[str, Timing]) -> Iterator[Claim]:
    for line in LINES.values():
        for kind, usual in AT_MOST.items():
            for what, at_most in ((kind, usual), (f"{kind}, {SLOWEST}", AT_MOST_SLOWEST)):
                ours, others = (timings[f"{what}, {line}, {who}"].median for who in (OURS, OTHERS))
                name = f"gunicorn: {what}, {line}: {OURS} / {OTHERS}"
                yield Claim(name, ours, others, at_most)


def _beside_less(timings: dict[str, Timing]) -> Iterator[Claim]:
    less = timings[f"{USER}, {LESS}"].median
    for name, at_most in MORE.items():
        if f"{USER}, {name}" in timings:  # without PostgreSQL two are not measured
            yield Claim(
                f"gunicorn: {name} / {LESS}", timings[f"{USER}, {name}"].median, less, at_most
            )
