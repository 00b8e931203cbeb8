"""What rendering this template costs for each file, beyond one that is empty but for two hooks.

All run as a user runs them: `cookiecutter` in a process of its own, hooks included.
"""

import json
import shutil
from itertools import count
from pathlib import Path

from tools.benchmarks import rendered
from tools.benchmarks.measure import Claim, Report, Workload, interleaved

EMPTY = "an empty template with two hooks"
CHECKED = "an empty template with these hooks"
OURS = "this template, default answers"

ROUNDS = 25

PROJECT = "{{cookiecutter.project_slug}}"

HOOK = '"""Does nothing."""\n'


def measure() -> Report:
    with rendered.temporary_folder() as name:
        folder = Path(name)
        timings = interleaved(
            {
                EMPTY: _rendering(_write_empty_template(folder / "template"), folder, "empty"),
                CHECKED: _rendering(_without_files(folder / "checked"), folder, "checked"),
                OURS: _rendering(rendered.TEMPLATE, folder, "ours"),
            },
            rounds=ROUNDS,
        )
        files = sum(path.is_file() for path in (folder / "ours-0").rglob("*"))
    each = (timings[OURS].median - timings[EMPTY].median) / files
    # A quarter is cookiecutter compiling each name, also those that other answers wait for.
    claims = [Claim("each file / a millisecond", each, 1e-3, 1.0)]
    return Report(f"Rendering a project of {files} files", timings, claims, baseline=EMPTY)


def _rendering(template: Path, folder: Path, slug: str) -> Workload:
    numbers = count()
    return lambda: rendered.render(template, folder, f"{slug}-{next(numbers)}")


def _write_empty_template(folder: Path) -> Path:
    (folder / "hooks").mkdir(parents=True)
    (folder / PROJECT).mkdir()
    (folder / "cookiecutter.json").write_text(json.dumps({"project_slug": "empty"}), "utf-8")
    for name in ("pre_gen_project.py", "post_gen_project.py"):
        (folder / "hooks" / name).write_text(HOOK, "utf-8")
    (folder / PROJECT / "README.md").write_text("# Empty\n", "utf-8")
    return folder


def _without_files(folder: Path) -> Path:
    """Copy this template's questions and hooks, and nothing to render but a line."""
    shutil.copytree(rendered.TEMPLATE / "hooks", folder / "hooks")
    shutil.copy(rendered.TEMPLATE / "cookiecutter.json", folder)
    (folder / PROJECT).mkdir()
    (folder / PROJECT / "README.md").write_text("# Empty\n", "utf-8")
    return folder
