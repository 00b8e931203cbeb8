"""The tests of the owner's views. Importing this package renders the project that they test.

tests/render/test_views.py runs them in a separate process: `app.models.User` would be a second user
class beside the one of tests/core/. By hand: `python -m pytest tests/views/test_login.py`. A command that
names the folder of accounts, `python -m pytest tests/views/accounts`, renders that answer.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import support

# Processes of xdist inherit it, but not the command.
NAMES_ACCOUNTS = any("accounts" in Path(each).parts for each in sys.argv[1:])
os.environ.setdefault("VIEWS_ACCOUNTS", "self-service" if NAMES_ACCOUNTS else "builtin")

_folder = Path(tempfile.mkdtemp(prefix="views-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
_answers = {
    "csp": os.environ.get("VIEWS_CSP", "strict"),
    "accounts": os.environ["VIEWS_ACCOUNTS"],
}
# Who asks for these tests has the render already; by hand they make one.
PROJECT = Path(os.environ.get("VIEWS_PROJECT") or support.bake(_answers, _folder))
sys.path.insert(0, str(PROJECT))
