"""Which of some views mypy refuses."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from mypy import api

ROOT = Path(__file__).parents[3]
_HEAD = """\
from typing import Any
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from secure_flask import ResponseBody, responds

blueprint = Blueprint("probe", __name__)

class Article(ResponseBody):
    title: str

class Draft(ResponseBody):
    draft: str

"""


def refused_by_mypy(views: dict[str, str]) -> set[str]:
    """The names of the views of which mypy reports something."""
    text = _HEAD
    begins = {}
    for number, (name, view) in enumerate(views.items()):
        begins[text.count("\n") + 1] = name
        named = view.replace("def view()", f"def view_{number}()").replace(
            ": ...", ": raise OSError"
        )
        text += f'@blueprint.get("/{number}")\n{named}\n'
    with TemporaryDirectory() as folder:
        module = Path(folder, "probe.py")
        module.write_text(text, encoding="utf-8")
        config = ("--config-file", str(ROOT / "pyproject.toml"))
        reported, failed, _ = api.run([*config, str(module)])
    assert not failed, failed
    lines = [int(each) for each in re.findall(r"probe\.py:(\d+): error", reported)]
    return {begins[max(begin for begin in begins if begin <= line)] for line in lines}
