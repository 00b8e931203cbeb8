"""What all processes of a server know of its end."""

import subprocess
import sys
from pathlib import Path

import pytest

from app import shutdown

IN_TWO_PROCESSES = f"""
import os, runpy
shutdown = runpy.run_path({shutdown.__file__!r})
assert not shutdown["has_begun"]()
if not (child := os.fork()):
    shutdown["begin"]()
    os._exit(0)
os.waitpid(child, 0)
assert shutdown["has_begun"]()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_each_process_knows_that_it_has_begun(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", IN_TWO_PROCESSES], check=True, cwd=tmp_path)  # noqa: S603
