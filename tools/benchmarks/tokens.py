"""What checking each kind of token costs `GET /me`, and whether many logins slow it down."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Timing, Workload, interleaved

CALLS, ROUNDS = 50, 60
FEW, MANY = 1_000, 1_000_000

SETTINGS = json.loads((rendered.TEMPLATE / "cookiecutter.json").read_text("utf-8"))
KINDS: list[str] = SETTINGS["token_type"]


def measure() -> Report:
    crowded = f"session, among {MANY:,} logins"
    with rendered.temporary_folder() as folder, ExitStack() as stack:
        workloads = {kind: stack.enter_context(_asked(Path(folder), kind, FEW)) for kind in KINDS}
        workloads[crowded] = stack.enter_context(_asked(Path(folder), "session", MANY))
        timings = {
            name: Timing(timing.median / CALLS, timing.interquartile_range / CALLS)
            for name, timing in interleaved(workloads, rounds=ROUNDS).items()
        }
    many, few = timings[crowded].median, timings["session"].median
    claims = [Claim(f"{MANY:,} logins / {FEW:,}", many, few, 1.2)]
    cheapest = min(KINDS, key=lambda kind: timings[kind].median)
    return Report("GET /me, by the kind of token", timings, claims, baseline=cheapest)


@contextmanager
def _asked(folder: Path, kind: str, others: int) -> Iterator[Workload]:
    """Run a project of this kind in a process of its own that asks itself when told to."""
    slug = f"{kind}-{others}"
    rendered.render(rendered.TEMPLATE, folder, slug, token_type=kind)
    project = folder / slug
    environment = os.environ | {"PYTHONPATH": str(rendered.TEMPLATE), "LOG_LEVEL": "ERROR"}
    subprocess.run(
        [sys.executable, "-m", "secure_flask.settings"],
        cwd=project,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    command = [sys.executable, "-m", "tools.benchmarks.served", str(others), str(CALLS)]
    with subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        yield lambda: _ask(process)
        process.communicate()


def _ask(process: "subprocess.Popen[str]") -> None:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("not connected")
    process.stdin.write("\n")
    process.stdin.flush()
    if process.stdout.readline() != "\n":
        raise RuntimeError("the project stopped")
