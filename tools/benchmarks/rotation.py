"""How long changing keys takes for each row, on SQLite and on PostgreSQL where it is installed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Timing

sys.path.append(str(rendered.TEMPLATE / "tests"))

import services

FEW, MANY = 10_000, 100_000
# PostgreSQL visits the rows by their random keys, so fewer of them share a page of its table.
AT_MOST = {"SQLite": 1.2, "PostgreSQL": 1.3}


def measure() -> Report:
    timings: dict[str, Timing] = {}
    with rendered.temporary_folder() as folder:
        rendered.render(rendered.TEMPLATE, Path(folder), "rotated")
        project = Path(folder, "rotated")
        for name, url in _databases():
            for rows in (FEW, MANY):
                seconds = _rotate(project, url, rows)
                label = f"{name}, {rows:,} rows ({rows / seconds:,.0f} rows a second)"
                timings[label] = Timing(seconds / rows, 0.0)
    few_and_many = list(timings.values())
    claims = [
        Claim(f"{name}: among {MANY:,} / among {FEW:,}", many.median, few.median, at_most)
        for (name, at_most), few, many in zip(
            AT_MOST.items(), few_and_many[::2], few_and_many[1::2], strict=False
        )
    ]
    return Report("flask crypto rotate, for each row", timings, claims, next(iter(timings)))


def _databases() -> Iterator[tuple[str, str]]:
    yield "SQLite", "sqlite:///secure_flask.database"
    if services.find_postgresql():
        with services.postgresql() as url:
            yield "PostgreSQL", url


def _rotate(project: Path, url: str, rows: int) -> float:
    """Fill a project's table and change its key; the seconds that the change took."""
    subprocess.run(
        [sys.executable, "-m", "secure_flask.settings"],
        cwd=project,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    finished = subprocess.run(
        [sys.executable, "-m", "tools.benchmarks.rotated", str(rows)],
        cwd=project,
        env=os.environ
        | {"PYTHONPATH": str(rendered.TEMPLATE), "DATABASE_URL": url, "LOG_LEVEL": "ERROR"},
        check=True,
        stdout=subprocess.PIPE,
    )
    return float(json.loads(finished.stdout))
