"""The tests of the owner's views. Importing this package renders the project that they test.

tests/render/test_views.py runs them in a separate process: `app.models.User` would be a second user class
beside the one of tests/core/. By hand: `python -m pytest tests/views/test_login.py`. A command that
names the folder of accounts, `python -m pytest tests/views/accounts`, renders that answer.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

from support import OF_ACCOUNTS

TEMPLATE = Path(__file__).resolve().parents[2]

# Processes of xdist inherit it, but not the command.
NAMES_ACCOUNTS = any("accounts" in Path(each).parts for each in sys.argv[1:])
os.environ.setdefault("VIEWS_ACCOUNTS", "self-service" if NAMES_ACCOUNTS else "builtin")


def render(folder: Path) -> Path:
    """Render the template with its defaults, but for what VIEWS_CSP and VIEWS_ACCOUNTS name."""
    # The user's own defaults and replays have no say here, and are not overwritten.
    config = folder / "cookiecutter.yaml"
    config.write_text(f"replay_dir: {folder}\ncookiecutters_dir: {folder}\n", "utf-8")
    project = cookiecutter(
        str(TEMPLATE),
        no_input=True,
        extra_context={
            "csp": os.environ.get("VIEWS_CSP", "strict"),
            "accounts": os.environ["VIEWS_ACCOUNTS"],
        },
        output_dir=str(folder),
        config_file=str(config),
        # The last one prints, and some who import this print JSON.
        accept_hooks=False,
    )
    if os.environ["VIEWS_ACCOUNTS"] == "builtin":
        for part in OF_ACCOUNTS:
            shutil.rmtree(Path(project, part), ignore_errors=True)
            Path(project, part).unlink(missing_ok=True)
    return Path(project)


_folder = Path(tempfile.mkdtemp(prefix="views-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
PROJECT = render(_folder)
sys.path.insert(0, str(PROJECT))
