"""The rendered README, followed to the letter in a fresh environment, works."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import following
import support
from conftest import NewProject, Rendered

LONGEST = {"project": 100, "template": 110}  # lines
MOST_WORDS = 900
SERVER = re.compile(r"^make run\b.*$", re.MULTILINE)
MAKE_USER = ".venv/bin/flask user create ada"
# What was asked for, each with files where it is.
ASKED_FOR = {
    "header": {"secure_flask/web/headers.py", "app/policy.py", "tests/test_headers.py"},
    "login": {"app/login.py", "tests/test_login.py"},
    "encryption": {"secure_flask/crypto/", "app/models.py", "tests/test_encryption.py"},
    "test suite": set(),
}
PATH = re.compile(
    r"`((?:app|secure_flask|tests)/[\w/.]*)`|\]\(((?:app|secure_flask|tests)/[\w/.]*)\)"
)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")

# A server stays in the background while it serves, and git knows its user.
PRELUDE = f"""{following.PRELUDE}
export GIT_{{AUTHOR,COMMITTER}}_{{NAME,EMAIL}}=ada@example.org
serve() {{
    "$@" &
    until (: < "/dev/tcp/127.0.0.1/$PORT") 2> /dev/null; do
        kill -0 $!
        sleep 0.1
    done
}}
"""
# Without a terminal the command makes a password and prints it. The page logs in like this.
LOG_IN = """
password=$(sed 's/.* with password //' made-user)
curl --json '{"username": "ada", "password": "'"$password"'"}' "http://127.0.0.1:$PORT/login"
"""


def script(commands: str, port: int) -> str:
    """Return the README's commands as one script that serves on a free port."""
    served = SERVER.sub("serve make run PORT=$PORT", commands)
    logged_in = served.replace(MAKE_USER, f"{MAKE_USER} | tee made-user{LOG_IN}")
    return f"PORT={port}\n{PRELUDE}\n{logged_in}"


@pytest.mark.slow
def test_its_commands_work_line_by_line_and_end_in_a_login(
    new_project: NewProject, tmp_path: Path
) -> None:
    for program in ("bash", "curl"):
        support.need(shutil.which(program), program)
    project = new_project()
    commands = following.commands(project / "README.md")
    log = tmp_path / "log"
    line = script(commands, support.free_port())
    with support.started("bash", "-c", line, cwd=project, log=log) as process:
        assert process.wait(timeout=support.MOST_SECONDS) == 0, log.read_text("utf-8")
    shown = log.read_text("utf-8")
    # Flask spreads JSON over lines while it debugs.
    assert '"token_type": "Bearer"' in shown
    # The first start takes a while: it shows what it does.
    assert re.search(r"^Installed \d+ packages", shown, re.MULTILINE)
    committed = support.run("git", "ls-tree", "-r", "--name-only", "main", cwd=project).split()
    assert "uv.lock" in committed
    assert not {".env", "instance/app.db"} & {*committed}


def test_it_says_how_long_a_password_must_be(rendered: Rendered) -> None:
    project = rendered({})
    rule = (project / "secure_flask" / "policy.py").read_text("utf-8")
    [length] = re.findall(r"PASSWORD_MIN_LENGTH: int = Field\((\d+)", rule)
    first = (project / "README.md").read_text("utf-8").partition(MAKE_USER)[0].splitlines()[-3]
    assert f" a password of {length} characters or more:" in first


def test_both_readmes_are_short(rendered: Rendered) -> None:
    folders = {"project": rendered({}), "template": support.TEMPLATE}
    texts = {name: (folders[name] / "README.md").read_text("utf-8") for name in folders}
    assert [name for name in texts if len(texts[name].splitlines()) > LONGEST[name]] == []
    assert len(texts["template"].split()) <= MOST_WORDS


def test_it_begins_with_where_to_find_what_was_asked_for(
    rendered: Rendered, subtests: pytest.Subtests
) -> None:
    project = rendered({})
    begin = (project / "README.md").read_text("utf-8").partition("\n## ")[0]
    rows = [line for line in begin.splitlines() if line.startswith("|")]
    for words, files in ASKED_FOR.items():
        with subtests.test(words):
            [row] = [row for row in rows if words in row.lower().split("|")[1]]
            named = {one or other for one, other in PATH.findall(row)}
            assert files <= named
            assert not [name for name in named if not (project / name).exists()]


def test_every_link_leads_to_a_file(rendered: Rendered) -> None:
    project = rendered({})
    pages = [*project.glob("*.md"), *project.glob("docs/**/*.md")]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text("utf-8"))]
    assert links
    assert not [
        (page.name, link) for page, link in links if not (page.parent / link).resolve().exists()
    ]


def test_it_leads_to_every_page(rendered: Rendered) -> None:
    project = rendered({})
    linked = set(LINK.findall((project / "README.md").read_text("utf-8")))
    pages = {page.relative_to(project).as_posix() for page in project.glob("docs/**/*.md")}
    assert pages
    assert pages <= linked


def test_the_transcript_shows_each_question_as_it_is_asked() -> None:
    page = (support.PAGES / "choose.md").read_text("utf-8")
    asked: list[str] = []
    for prompt in support.SETTINGS["__prompts__"].values():
        asked += prompt.values() if isinstance(prompt, dict) else [prompt]
    missing = [text for text in asked if text not in page]
    assert not missing, "copy the questions again from a terminal"


def test_the_tutorial_shows_the_first_question_as_it_is_asked() -> None:
    asked = support.SETTINGS["__prompts__"]["project_name"]
    text = (support.PAGES / "tutorial.md").read_text("utf-8")
    assert f"[1/11] {asked} (My Service): Harbour Log" in text
