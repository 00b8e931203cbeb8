"""The rendered README and docs, read as somebody does who follows them: files and commands."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import services
import support
from docs import shown

# Blocks with another tag (console, nginx) show something, or need what is not here.
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`((?:app|tests)/[\w/.-]+\.(?:py|html|js|css|txt)|gunicorn\.conf\.py)`")
VERB = re.compile(r"\bcreate\b|\breplace\b|\badd\b|\bend of\b", re.IGNORECASE)
BELOW = re.compile(r"\bbelow `([^`]+)`")
INSTEAD = re.compile(r"\breplaces the line `([^`]+)`")
IMPORT = re.compile(r"^(?:from|import) .*\n", re.MULTILINE)
# Where a page goes on with what sections of another page show.
BEGIN = re.compile(r"^ *(?:1\. )?Begin with .*", re.MULTILINE)
SECTION = re.compile(r"\]\(([^)#\s]+\.md)#([\w-]+)\)")
# The two lines of app/__init__.py that name the modules with a blueprint.
IN_TUPLE = "the tuple in `create_app`"
# The formatter gives each name a line where they are long.
MODULES = (
    re.compile(r"^from app import (\([^)]*\)|.+)$", re.M),
    re.compile(r"for module in (\([^)]*\)):"),
)
# A part for who gave one of these answers, as below "### `token_type=opaque`, `jwt`".
ANSWERED = re.compile(r"^#{3,4} `(\w+)=(.+)`\n((?:(?!#{2,4} ).*\n)*)", re.MULTILINE)
ADDRESS = "localhost:8000"
# Where a page starts a server itself: each test takes ports that are free.
OWN_PORTS = ("8001", "9464")
PORT = re.compile(rf"\b(?:{'|'.join(OWN_PORTS)})\b")

# The command of a page for its own tests.
OWN_TESTS = re.compile(r"^\.venv/bin/python -m pytest ", re.MULTILINE)
# A request that fails fails its line.
PRELUDE = """
set -euxo pipefail
curl() { command curl --silent --show-error --fail-with-body "$@"; }
"""


@dataclass(frozen=True)
class Step:
    """A block of code, and the words before it that say what to do with it."""

    language: str
    code: str
    words: str

    @property
    def file(self) -> str | None:
        named = FILE.findall(self.words)
        if not named or self.language not in ("python", "html", "js", "css", "jinja"):
            return None
        # Words that say nothing to do, as of an example, name the file in passing.
        return named[-1] if VERB.search(self.words.rpartition(named[-1])[0]) else None


def steps(page: Path) -> Iterator[Step]:
    """Return the blocks of a page, each with the paragraph before it, and those it begins with."""
    text = shown.text_of(page)
    for begin in BEGIN.findall(text):
        for link, anchor in SECTION.findall(begin):
            yield from blocks(shown.sections(shown.text_of(page.parent / link))[anchor])
    yield from blocks(text)


def blocks(text: str) -> Iterator[Step]:
    for block in BLOCK.finditer(text):
        words = text[: block.start()].rstrip().rpartition("\n\n")[2]
        yield Step(block[2], dedent(block[3]), words)


def for_answers(page: Path, folder: Path, **answers: str) -> Path:
    """Copy a page without the parts for other answers."""

    def kept(part: re.Match[str]) -> str:
        return part[3] if answers[part[1]] in part[2].split("`, `") else ""

    copy = folder / page.name
    copy.write_text(ANSWERED.sub(kept, page.read_text("utf-8")), "utf-8")
    return copy


def commands(page: Path) -> str:
    """Return the commands that a page tells to type."""
    return "".join(step.code for step in steps(page) if step.language == "sh")


def write(project: Path, step: Step) -> None:
    """Put a block into the file that the words before it name, as they say."""
    assert step.file
    target = project / step.file
    verb = verb_of(step)
    if makes_file(step):
        if target.exists() and target.read_text("utf-8") == step.code:
            # Two pages begin with the same section of another one.
            return
        assert target.exists() == (verb == "replace"), step.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(step.code, "utf-8")
        return
    source = target.read_text("utf-8")
    if IN_TUPLE in step.words:
        changed = register(source, step.code)
    elif below := BELOW.search(step.words):
        changed = put_below(source, below[1], step.code)
    elif instead := INSTEAD.search(step.words):
        line = re.compile(rf"^( *){re.escape(instead[1])}.*\n", re.MULTILINE)
        changed, lines = line.subn(lambda found: indent(step.code, found[1]), source)
        assert lines == 1, step.file
    elif verb == "add":
        changed = add(source, step.code)
    else:
        gap = "\n\n" if step.code.startswith(("class ", "def ", "if ", "@")) else "\n"
        changed = f"{source}{gap}{step.code}"
    target.write_text(changed, "utf-8")


def verb_of(step: Step) -> str:
    """Return what the words before a block say to do with it."""
    assert step.file
    [*_, verb] = VERB.findall(step.words.rpartition(step.file)[0])
    return str(verb).lower()


def makes_file(step: Step) -> bool:
    return verb_of(step) in ("create", "replace")


def put_below(source: str, place: str, code: str) -> str:
    """Put a block below a line; imports come first where the block is more than imports."""
    if IMPORT.sub("", code).strip():
        source = with_imports(source, code)
        code = IMPORT.sub("", code).lstrip("\n")
    line = re.search(rf"^( *){re.escape(place)}(?: .*)?\n", source, re.MULTILINE)
    assert line, place
    return source[: line.end()] + indent(code, line[1]) + source[line.end() :]


def register(source: str, code: str) -> str:
    """Name the modules that a block shows and a project does not name yet."""
    for line in MODULES:
        there = line.search(source)
        assert there, f"{line.pattern} is not in this module"
        names = [*dict.fromkeys([*shown_modules(line, source), *shown_modules(line, code)])]
        source = f"{source[: there.start(1)]}({', '.join(names)}){source[there.end(1) :]}"
    return source


def shown_modules(line: re.Pattern[str], code: str) -> list[str]:
    shown = line.search(code)
    assert shown
    return re.findall(r"\w+", shown[1])


def add(source: str, code: str) -> str:
    """Put the imports first, and the rest last."""
    return with_imports(source, code) + (f"\n\n{further(code)}\n" if further(code) else "")


def further(code: str) -> str:
    """Return what a block holds beside its imports."""
    return IMPORT.sub("", code).strip()


def with_imports(source: str, code: str) -> str:
    imports = "".join(IMPORT.findall(code))
    if not imports:
        return source
    first = IMPORT.search(source)
    assert first
    return source[: first.start()] + imports + source[first.start() :]


def write_files(project: Path, page: Path) -> None:
    """Write all that a page says to write, in the style of the project."""
    for step in steps(page):
        if step.file:
            write(project, step)
    tidy(project)


def tidy(project: Path) -> None:
    support.python("-m", "ruff", "check", "--quiet", "--fix", "--select=I", cwd=project)
    support.python("-m", "ruff", "format", "--quiet", cwd=project)


def follow(
    project: Path,
    page: Path,
    log: Path,
    look: Callable[[Step, str], object] = lambda *_: None,
    tests: str = r"\g<0>",
) -> str:
    """Do all that a page says, in its order; gives what the commands printed.

    `look` is called before each step, with what was printed until then. `tests` takes the place
    of the command for the page's own tests.
    """
    for program in ("curl", "openssl"):
        support.need(program not in commands(page) or shutil.which(program), program)
    printed = ""
    with contextlib.ExitStack() as stack:
        port = ""
        own = {number: str(support.free_port()) for number in OWN_PORTS}
        for step in steps(page):
            look(step, printed)
            if step.file:
                write(project, step)
            elif step.language == "sh":
                if ADDRESS in step.code and not port:
                    port = str(stack.enter_context(services.flask_run(project, log)))
                code = PORT.sub(lambda found: own[found[0]], step.code.replace("8000", port))
                line = f"{PRELUDE}\n{OWN_TESTS.sub(tests, code)}"
                options = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
                printed += support.run("bash", "-c", line, cwd=project, **options)
    return printed
