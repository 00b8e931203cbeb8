"""Awkward text is no error: every file that holds it still parses and gives it back as typed."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from conftest import Bake, Baked

AWKWARD = {
    "quotes": "She said \"no\", 'yes' and `maybe`",
    "three quotes": "\"\"\" and ''' and ```",
    "only a quote": '"',
    "quote at the end": 'ends with "',
    "backslashes": r"C:\new\table \\ \u0041 \x41 \N{BULLET}",
    "backslash at the end": "ends with \\",
    "backslash and quote": r"\" \\" + '"',
    "braces": "{ } {0} {name} ${x} %s %(x)s",
    "marks": "{{ 7 * 7 }} {% raw %} {# hidden #} }} %}",
    "line statement": "# cookiecutter: include 'x'",
    "dollars": "$HOME $(date) `date` %PATH%",
    "emoji": "👩‍🚀 🏳️‍🌈 👍🏽 ☃",
    "right to left": "שלום \u202eolleh\u202c العربية",
    "combining": "é and e\u0301, ﬁ, Å and A\u030a",
    "beyond the first plane": "𝒳 𓀀 \U0010fffd",
    "invisible": "zero\u200bwidth, soft\u00adhyphen, no\u00a0break, \ufeffmark",
    "spaces around": "  kept  ",
    "toml": "[table] key = \"value\" # 'comment' '''",
    "yaml": "- key: [a, {b: c}] # no & * ! | > % @ ` ?",
    "yaml words": "yes",
    "number": "1e5",
    "html": "</title><script>alert(1)</script> &amp; <!--",
    "markdown": "[link](x) **bold** _it_ | cell | <br>",
    "comment": "# noqa  # type: ignore",
}


@pytest.fixture(scope="module", params=AWKWARD.values(), ids=list(AWKWARD))
def text(request: pytest.FixtureRequest) -> str:
    typed: str = request.param
    return typed


@pytest.fixture(scope="module")
def project(text: str, module_bake: Bake) -> Baked:
    return module_bake.replay(project_name=text, description=text)


PARSERS: dict[str, Callable[[str], object]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yml": yaml.safe_load,
    ".yaml": yaml.safe_load,
}


@pytest.fixture(scope="module")
def plain(module_bake: Bake) -> Path:
    return module_bake().path


def test_every_file_that_it_changes_still_parses(project: Baked, plain: Path) -> None:
    changed = [
        file
        for file in project.path.rglob("*.*")
        if file.suffix in PARSERS
        and file.read_bytes() != (plain / file.relative_to(project.path)).read_bytes()
    ]
    assert {"policy.py", "pyproject.toml", ".cookiecutter.json"} <= {file.name for file in changed}
    for file in changed:
        PARSERS[file.suffix](file.read_text("utf-8"))


def test_the_policy_gives_it_back(project: Baked, text: str) -> None:
    assert project.policy()["PROJECT_NAME"] == text
    assert project.policy()["DESCRIPTION"] == text


def test_pyproject_gives_it_back(project: Baked, text: str) -> None:
    settings = tomllib.loads(read(project, "pyproject.toml"))
    assert settings["project"]["description"] == text


def test_the_kept_answers_give_it_back(project: Baked, text: str) -> None:
    kept = json.loads(read(project, ".cookiecutter.json"))["cookiecutter"]
    assert kept["project_name"] == text
    assert kept["description"] == text


def test_readers_see_it_as_typed(project: Baked, text: str) -> None:
    readme = read(project, "README.md").splitlines()
    assert readme[0] == f"# {text}"
    assert text in readme[1:]
    assert read(project, "SECURITY.md").splitlines()[0] == f"# Security of {text}"


def test_it_is_in_no_other_file(module_bake: Bake) -> None:
    """Whatever else needs it takes it from `policy.py`, where it is escaped once."""
    unlikely = "Unlikely 0f3a"
    project = module_bake.replay(project_name=unlikely, description=unlikely).path
    assert {
        file.relative_to(project).as_posix()
        for file in project.rglob("*")
        if file.is_file() and unlikely in file.read_text("utf-8", errors="replace")
    } == {"pyproject.toml", "app/policy.py", ".cookiecutter.json", "README.md", "SECURITY.md"}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (" , ", "none"),
        ("https://a.example\n\thttps://b.example", "https://a.example, https://b.example"),
        ("https://a.example,,https://b.example ", "https://a.example, https://b.example"),
    ],
)
def test_a_list_takes_one_row_of_the_security_policy(typed: str, shown: str, bake: Bake) -> None:
    project = bake.replay(csp_sources=typed, cors_origins=typed, frame_ancestors=" , ")
    policy = read(project, "SECURITY.md").partition("| question | answer |")[2]
    rows = dict(re.findall(r"^\| (.+?) \| (.*) \|$", policy, re.MULTILINE))
    assert rows["other origins that pages load from"] == shown
    assert rows["other origins that may call the API"] == shown
    assert rows["sites that may show the pages in a frame"] == "deny"


def read(project: Baked, name: str) -> str:
    return (project.path / name).read_text("utf-8")
