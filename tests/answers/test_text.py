"""Awkward text is no error: every file that holds it still parses and gives it back as typed."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

import support
from conftest import Rendered

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
# Whatever else needs it takes it from `policy.py`, where it is escaped once.
HOLDERS = {"pyproject.toml", "app/policy.py", ".cookiecutter.json", "README.md", "SECURITY.md"}
UNLIKELY = "Unlikely 0f3a"


@pytest.mark.parametrize("text", AWKWARD.values(), ids=list(AWKWARD))
def test_each_file_parses_and_gives_it_back_as_typed(
    text: str, short_template: Path, cookies: Cookies
) -> None:
    answers = support.typed(project_name=text, project_slug="shop", description=text)
    project = support.project_of(cookies.bake(answers, template=str(short_template)))
    files = [project / name for name in HOLDERS]
    parsed = {
        each: support.PARSERS.get(each.suffix, str)(each.read_text("utf-8")) for each in files
    }
    assert [each for each in files if not parsed[each]] == []
    policy = support.literals(project / "app" / "policy.py")
    assert (policy["PROJECT_NAME"], policy["DESCRIPTION"]) == (text, text)
    pyproject = tomllib.loads(read(project, "pyproject.toml"))
    assert pyproject["project"]["description"] == text
    kept = json.loads(read(project, ".cookiecutter.json"))["cookiecutter"]
    assert (kept["project_name"], kept["description"]) == (text, text)
    readme = read(project, "README.md").splitlines()
    assert readme[0] == f"# {text}"
    assert text in readme[1:]
    assert read(project, "SECURITY.md").splitlines()[0] == f"# Security of {text}"


def test_it_is_in_no_other_file(rendered: Rendered) -> None:
    project = rendered({"project_name": UNLIKELY, "description": UNLIKELY})
    contents = support.contents(project)
    assert {name for name in contents if UNLIKELY.encode() in contents[name]} == HOLDERS


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (" , ", "none"),
        ("https://a.example\n\thttps://b.example", "https://a.example, https://b.example"),
        ("https://a.example,,https://b.example ", "https://a.example, https://b.example"),
    ],
)
def test_a_list_takes_one_row_of_the_security_policy(
    typed: str, shown: str, short_template: Path, cookies: Cookies
) -> None:
    answers = {"csp_sources": typed, "cors_origins": typed, "frame_ancestors": " , "}
    project = support.project_of(cookies.bake(answers, template=str(short_template)))
    policy = read(project, "SECURITY.md").partition("| question | answer |")[2]
    rows = dict(re.findall(r"^\| (.+?) \| (.*) \|$", policy, re.MULTILINE))
    assert rows["other origins that pages load from"] == shown
    assert rows["other origins that may call the API"] == shown
    assert rows["sites that may show the pages in a frame"] == "deny"


def read(project: Path, name: str) -> str:
    return (project / name).read_text("utf-8")
