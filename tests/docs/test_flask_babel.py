"""Flask-Babel, as docs/recipes/flask-babel.md says: it reaches each page and mail, whatever its words.

The catalogue of the test wraps each message in « and ». What is not wrapped was not translated.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import following
import support
from conftest import NewProject

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

PAGE = support.PAGES / "recipes" / "flask-babel.md"
OF_VISITORS = ["/login", "/nowhere", "/register", "/reset"]
OF_USERS = [
    *("/account", "/tasks", "/tasks/new", "/reauthenticate", "/account/factors", "/missing"),
    *("/account/passkeys", "/change-email", "/change-username", "/account/delete"),
]
# In place of a translator.
WRAP = """
from pathlib import Path
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

file = Path("app/translations/de/LC_MESSAGES/messages.po")
with file.open("rb") as source:
    catalogue = read_po(source, locale="de")
for message in catalogue:
    if message.id:
        message.string = f"«{message.id}»"
with file.with_suffix(".mo").open("wb") as target:
    write_mo(target, catalogue)
print(len(catalogue))
"""
NAMES = r"My Service|ada(@example\.org)?|127\.0\.0\.\*"


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        support.add_flask_babel(patch)
        yield _translated(new_project)


def _translated(new_project: NewProject) -> Path:
    project = new_project(accounts="self-service")
    following.write_files(project, PAGE)
    [mapping] = re.findall(r"```ini\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    lines = [line.strip() for line in mapping.splitlines()]
    (project / "babel.cfg").write_text("\n".join(lines), "utf-8")
    support.write_settings(project)
    for command in re.findall(
        r"^ +\$ \.venv/bin/python -m (babel.+)$", PAGE.read_text("utf-8"), re.M
    ):
        if "compile" not in command:
            support.python("-m", *command.split(), cwd=project)
    assert int(support.python("-c", WRAP, cwd=project)) > 300
    return project


@pytest.fixture(scope="module")
def shown(project: Path) -> dict[str, Any]:
    script = Path(__file__).with_name("wrapped_words.py")
    paths = map(json.dumps, (OF_VISITORS, OF_USERS))
    search_path = os.pathsep.join([str(project), os.environ["PYTHONPATH"]])
    printed = support.python(script, *paths, cwd=project, PYTHONPATH=search_path)
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def test_every_page_and_mail_is_translated_but_for_texts_that_code_puts_together(
    project: Path, shown: dict[str, Any]
) -> None:
    by_hand = put_together(project / "app")
    left = [
        (page, text)
        for page, texts in shown["left"].items()
        for text in (re.sub(NAMES, "", each) for each in texts)
        if re.search("[a-z]{2}", text) and not any(part in text for part in by_hand)
    ]
    assert left == []
    assert len([page for page in shown["left"] if page.startswith("mail: «")]) == 1
    assert len([page for page in shown["left"] if page.endswith(" 200")]) > 10


def put_together(folder: Path) -> set[str]:
    """Return the fixed parts of texts with a value in them, as in f"Added: {title}"."""
    parts = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts = [part.value for part in node.values if isinstance(part, ast.Constant)]
                parts |= {str(text).strip() for text in texts}
            elif isinstance(node, ast.Constant) and "{}" in str(node.value):
                parts |= {part.strip() for part in str(node.value).split("{}")}
    return {part for part in parts if re.search("[a-z]{3}", part)}


def test_dates_are_those_of_the_language(shown: dict[str, Any]) -> None:
    assert re.search(r">\d\d\.\d\d\.\d\d, \d\d:\d\d UTC</time>", shown["html"])


def test_the_page_says_which_language_it_is_in(shown: dict[str, Any]) -> None:
    assert '<html lang="de">' in shown["html"]
