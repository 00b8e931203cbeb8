"""`make test-random`: the tests, in an order that differs.

Every second run shares the processors with loops that never wait. A test that is red in one of the
runs depends on another test, on the time or on an idle machine. The seed makes its order again, and
a file has what the run said.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
BUSY = "while True: pass"
SUMMARY = re.compile(r"^(?:FAILED|ERROR) .*|^=+ (.* in .*) =+$", re.MULTILINE)


def main(runs: int, selection: str) -> int:
    """Return the number of runs that failed."""
    print("| run | seed | processors | seconds | result |\n|---|---|---|---|---|")
    return sum(not passes(number, selection) for number in range(1, runs + 1))


def passes(number: int, selection: str) -> bool:
    """Run the selected tests once, and print a row and the names of those that failed."""
    seed = secrets.randbelow(1_000_000)
    loaded = number % 2 == 0
    started = time.monotonic()
    with busy_processors() if loaded else nullcontext():
        finished = run(seed, selection)
    seconds = time.monotonic() - started
    *failed, result = [line[0] for line in SUMMARY.finditer(finished.stdout)] or ["no summary"]
    row = (number, seed, "busy" if loaded else "free", f"{seconds:.0f}", result.strip("= "))
    print("|", " | ".join(map(str, row)), "|", flush=True)
    if finished.returncode:
        print("\n".join([*failed, kept(finished.stdout, seed)]), flush=True)
    return finished.returncode == 0


def kept(output: str, seed: int) -> str:
    """Write what a run said to a file; return its path."""
    log = Path(tempfile.gettempdir(), f"random-run-{seed}.log")
    log.write_text(output, "utf-8")
    return str(log)


def run(seed: int, selection: str) -> subprocess.CompletedProcess[str]:
    options = ("-n", "auto", "--dist", "worksteal", "-m", selection)
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--random-order-seed={seed}"],
        cwd=TEMPLATE,
        env=os.environ | {"RANDOM_ORDER_SEED": str(seed)},
        capture_output=True,
        text=True,
    )


@contextmanager
def busy_processors() -> Iterator[None]:
    """Keep each processor busy with a process that never waits."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]), sys.argv[2]), 1))
