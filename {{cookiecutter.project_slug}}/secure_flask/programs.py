"""Commands as messages name them: `flask`, or `.venv/bin/flask` where it is not on the PATH.

In a container and in an activated environment the name alone is right. Elsewhere the shell would
not find the command, or would run that of another Python.
"""

import shutil
import sys
from pathlib import Path


def program(name: str) -> str:
    """The way to call a program that is installed beside this Python, from this folder."""
    folder, here = Path(sys.executable).parent, Path.cwd()
    installed = shutil.which(name, path=folder)
    if installed in (None, shutil.which(name)):
        return name
    path = folder / name
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


FLASK, PYTHON, UV = map(program, ("flask", "python", "uv"))
