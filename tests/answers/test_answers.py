"""An answer that cannot work is refused before anything is written, with a line that works."""

from __future__ import annotations

import ast
import contextlib
import importlib.metadata
import os
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from pytest_cookies.plugin import Cookies

import support
from answers.replaying import Refusal, replay
from support import DEFAULTS

HOOKS = sorted((support.TEMPLATE / "hooks").glob("*.py"))
PRE_GEN = runpy.run_path(str(support.TEMPLATE / "hooks" / "pre_gen_project.py"))
TAKEN = set(" ".join(support.SETTINGS["_taken_names"]).split())
PRE_GEN["RESERVED"].update(TAKEN)
POST_GEN = runpy.run_path(str(support.TEMPLATE / "hooks" / "post_gen_project.py"))
ORIGINS = runpy.run_path(str(support.FOLDER / "secure_flask" / "web" / "origins.py"))

PROVIDERS = importlib.metadata.packages_distributions()
OWN = {"app", "gunicorn_conf", "instance", "migrations", "secure_flask", "tests", "wsgi"}
DEVICES = {"aux", "con", "nul", "prn", *(f"{p}{n}" for p in ("com", "lpt") for n in range(1, 10))}
# What other systems and versions of Python need.
ELSEWHERE = {"async_timeout", "colorama", "pyee", "tzdata"}

# Wherever one of these is executed, a file appears.
HOSTILE = {
    "python": '"""); open("executed", "w"); ("""',
    "python in a raw string": '\\"""); open("executed", "w"); (r"""',
    "python after a quote": "'+str(open('executed', 'w'))+'",
    "jinja": "{{ cycler.__init__.__globals__.os.system('touch executed') }}",
    "shell": "$(touch executed)`touch executed`",
    "shell after a quote": "'; touch executed; '",
    "line statement": "# cookiecutter: include '/etc/passwd'",
}


@pytest.mark.parametrize("question", support.CHOICES)
def test_the_hook_and_the_question_name_the_same_choices(question: str) -> None:
    choices = support.CHOICES[question]
    assert [choice for choice in choices if fault(question, choice)] == []
    assert fault(question, "no such choice") == f"is none of {', '.join(choices)}"


def test_the_hook_knows_the_questions_in_their_order() -> None:
    assert list(PRE_GEN["QUESTIONS"]) == list(DEFAULTS)


def examine(**answers: object) -> tuple[list[str], dict[str, str]]:
    """Ask the hook itself, for what needs no project."""
    problems, accepted = PRE_GEN["examine"](DEFAULTS | answers)
    return problems, accepted


def fault(question: str, value: str) -> str:
    """Ask the hook itself what is wrong with a value; nothing where it is accepted."""
    words, _ = PRE_GEN["QUESTIONS"][question](value) or ("", [])
    return str(words)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where somebody runs cookiecutter."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class Refused(Protocol):
    """`refused(csp_sources="*")`: what is said of these answers, which leave no project."""

    def __call__(self, **answers: str) -> Refusal: ...


@pytest.fixture
def refused(
    cookies: Cookies, short_template: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> Refused:
    def bake(**answers: str) -> Refusal:
        result = cookies.bake(support.typed(**answers), template=str(short_template))
        assert (result.exit_code, result.project_path) == (-1, None)
        assert not list(here.iterdir())
        return Refusal(capfd.readouterr().err)

    return bake


def run_line(refusal: Refusal) -> Path:
    """Run the line of a refusal as printed, where somebody stood; return the project."""
    words = shlex.split(refusal.command)
    out = Path(words[words.index("--output-dir") + 1])
    return replay(out, line=refusal.command).project


def policy_of(project: Path) -> dict[str, Any]:
    return support.literals(project / "app" / "policy.py")


def ids(table: dict[str, Any]) -> Any:
    return [pytest.param(value, id=name) for name, value in table.items()]


# What other templates were seen to do.


def test_enter_at_every_question_is_a_whole_set_of_answers(cookies: Cookies) -> None:
    result = cookies.bake()
    assert (support.project_of(result) / "app").is_dir()
    assert examine(**{question: result.context[question] for question in DEFAULTS})[0] == []


@pytest.mark.parametrize("slug", ["../evil", "..", "{elsewhere}/evil", "~/evil"])
def test_nothing_is_written_outside_the_output_folder(
    slug: str, refused: Refused, tmp_path: Path
) -> None:
    refused(project_slug=slug.format(elsewhere=tmp_path))
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("text", ids(HOSTILE))
def test_an_answer_is_never_executed(text: str, refused: Refused, tmp_path: Path) -> None:
    refusal = refused(project_name=text, description=text, project_slug="flask")
    assert policy_of(run_line(refusal))["PROJECT_NAME"] == text
    assert not list(tmp_path.rglob("executed"))


def test_an_answer_stays_text_where_the_hooks_are_off(short_template: Path, tmp_path: Path) -> None:
    text, entry = 'x";open("executed","w");"', 'x"];__import__("os").mkdir("executed");["\\'
    lists = dict.fromkeys(("csp_sources", "frame_ancestors", "cors_origins"), entry)
    answers = {"security_contact": text, "token_type": text, "framing": "allowlist", **lists}
    options = (str(short_template), "--accept-hooks", "no")
    policy = policy_of(replay(tmp_path / "out", *options, **answers).project)
    assert [policy[name.upper()] for name in answers if name != "framing"] == [
        *(text, text),
        *([entry] for _ in lists),
    ]


def test_a_refused_answer_is_never_executed(short_template: Path, tmp_path: Path) -> None:
    questions = [question for question in DEFAULTS if question != "project_slug"]
    hostile = dict.fromkeys(questions, "\n".join(HOSTILE.values()))
    replayed = replay(tmp_path / "out", str(short_template), **hostile)
    assert len(replayed.refusal.problems) > len(questions)
    assert replay(replayed.out, line=replayed.refusal.command).exit_code == 0
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.parametrize(
    "source",
    [
        'https://a.example"\n[tool.pytest.ini_options]\naddopts = "--lf',
        'https://a.example/"x',
        "http://a.example",
        "git@github.com:a/b",
    ],
)
def test_an_address_of_the_template_that_no_update_takes_is_refused(
    source: str, short_template: Path, tmp_path: Path
) -> None:
    replayed = replay(tmp_path / "out", str(short_template), _source=source)
    assert f"_source: {source!a} is no https address" in replayed.refusal.text
    assert not list(replayed.out.iterdir())


@pytest.mark.parametrize("question", support.CHOICES)
@pytest.mark.parametrize("choice", ["yes", "", " Strict", ["strict"], None], ids=repr)
def test_a_choice_is_never_guessed(question: str, choice: object) -> None:
    problems, _ = examine(**{question: choice})
    assert problems[0].startswith(f"{question}: {choice!r} is")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.stem)
def test_hooks_need_python_alone(hook: Path) -> None:
    tree = ast.parse(hook.read_text("utf-8"), feature_version=(3, 11))
    imported = set(support.imports(tree))
    assert imported <= sys.stdlib_module_names
    assert not imported & {"http", "socket", "ssl", "subprocess", "urllib"}


# How a refusal reads.


def test_every_problem_is_told_at_once_and_nothing_is_left(refused: Refused) -> None:
    refusal = refused(
        project_name="",
        project_slug="flask",
        description="line\nbreak",
        security_contact="nobody",
        csp_sources="https://Example.com/",
        frame_ancestors="http://example.com",
        cors_origins="*, https://a.example:443",
    )
    told = [problem.partition(":")[0] for problem in refusal.problems]
    assert told == [
        *("project_name", "project_slug", "description", "security_contact"),
        *("csp_sources", "frame_ancestors", "cors_origins", "cors_origins", "framing"),
    ]
    # The last word is whose report follows.
    assert refusal.text.endswith("\n\n")
    assert "Traceback" not in refusal.text
    line = shlex.split(refusal.command)
    assert [word.partition("=")[0] for word in line if "=" in word] == list(DEFAULTS)


def test_a_bad_value_is_shown_escaped_and_short() -> None:
    (problem,), _ = examine(project_name="\x1b[31mZoë\u202e" + "x" * 1000)
    assert problem.startswith(r"project_name: '\x1b[31mZo\xeb\u202exxx")
    assert problem.isascii()
    assert problem.isprintable()
    assert len(problem) < 400


def test_a_folder_name_that_cannot_be_is_told_the_rule() -> None:
    (problem,), _ = examine(project_slug="My Shop")
    assert problem == (
        "project_slug: 'My Shop' is no folder name: use 2 to 50 of a-z, 0-9 and -, "
        "start with a letter, end with a letter or digit; 'my-shop' would be accepted."
    )


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("csp_sources", "would let pages load from every site, an attacker's too"),
        ("frame_ancestors", "would let every site show your pages in a frame, an attacker's too"),
        ("cors_origins", "would let the pages of every site call your API, an attacker's too"),
    ],
)
def test_a_star_is_told_why_and_what_to_write(question: str, reason: str) -> None:
    (problem,), _ = examine(**{question: "*"})
    advice = "name each site, such as https://app.example.com, or leave it out."
    assert problem == f"{question}: '*' {reason}; {advice}"


# The line that it offers.


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_line_runs_as_printed_and_keeps_what_was_good(
    encoding: str, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the terminal can show."""
    name = """Žoë's "Café" \\101 👩‍🚀 100% {{ x }} $HOME שלום"""
    monkeypatch.setenv("PYTHONIOENCODING", f"{encoding}:strict")
    good = {"project_name": name, "csp": "paranoid"}
    refusal = refused(**good, project_slug="flask", cors_origins="https://A.example/")
    policy = policy_of(run_line(refusal))
    assert policy["PROJECT_NAME"] == name
    assert policy["CORS_ORIGINS"] == ["https://a.example"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that takes any bytes")
def test_the_line_finds_a_folder_whose_name_is_no_text(
    short_template: Path, tmp_path: Path
) -> None:
    out = tmp_path / os.fsdecode(b"out \xff")
    replayed = replay(out, str(short_template), "--no-input", "project_slug=flask")
    assert replay(out, line=replayed.refusal.command).project.is_dir()


def test_the_line_needs_no_cookiecutter_on_the_path_after_uvx(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", "/usr/bin/uv")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    command = shlex.split(refused(project_slug="flask").command)
    assert command[:3] == [sys.executable, "-m", "cookiecutter"]


@pytest.fixture(scope="module")
def repository(short_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold the template in a git repository: in its root at v1, in a folder since."""
    folder = tmp_path_factory.mktemp("templates") / "repository"
    shutil.copytree(short_template, folder)
    support.init_git(folder)
    support.run("git", "tag", "v1", cwd=folder)
    support.run("git", "archive", "--prefix", "one/", "-o", "../one.zip", "v1", cwd=folder)
    (folder / "sub").mkdir()
    parts = ("cookiecutter.json", "hooks", support.FOLDER.name)
    support.run("git", "mv", *parts, "sub", cwd=folder)
    support.commit(folder)
    return folder


@pytest.mark.parametrize(
    "location",
    ids(
        {
            "folder seen from here": ["../template"],
            "directory of a folder": ["{repository}", "--directory", "sub"],
            "git at a tag": ["git+file://{repository}", "--checkout", "v1"],
            "directory of git": ["git+file://{repository}", "--directory", "sub"],
            "zip": ["{repository}/../one.zip"],
        }
    ),
)
def test_the_line_finds_the_template_again(
    location: list[str], repository: Path, short_template: Path, here: Path
) -> None:
    (here.parent / "template").symlink_to(short_template)
    arguments = [word.format(repository=repository) for word in location]
    replayed = replay(here / "out", *arguments, "--no-input", "project_slug=flask")
    again = replay(replayed.out, line=replayed.refusal.command)
    assert (again.project / "app").is_dir()


# What each question takes.

GOOD = {
    "project_name": [
        "A",
        "x" * 100,
        'Zoë\'s "Café" \\ 🚀',
        "👩‍🚀",
        "../evil",
        "Newer than this \U0001fae8",
        "שירות",
        " spaced ",
    ],
    "project_slug": ["ab", "a1", "my-service", "x" * 50, "flask-shop", "a--b", "classes"],
    "description": ["", "x" * 300, "It's: {a} [b] # c & d | e > f % g @ h ` i", "{{ x }} {% y %}"],
    "security_contact": [
        "security@example.com",
        "Security+holes@Example.co.uk",
        "o'brien@xn--bcher-kva.example",
        "https://example.com",
        "https://example.com:8443/report?a=b&c=%20#d",
    ],
    "csp_sources": [
        "",
        "https://a.example",
        "https://a.example:8443, https://b.example https://c.example,https://d.example",
        "https://localhost",
        "https://intranet",
        "https://192.0.2.1:8443",
        "https://[2001:db8::1]",
        "https://xn--bcher-kva.example",
    ],
    "cors_origins": ["http://localhost", "http://localhost:3000", "http://127.0.0.1:5173"],
}

BAD = {
    "project_name": {
        "": "My Service",
        " \t": "My Service",
        "\u200d": "My Service",
        "two\nlines": "two lines",
        "nul\0": "nul",
        "escape\x1b[31m": "escape [31m",
        "\ud800": "My Service",
        "line\u2028separator": "line separator",
        "noncharacter\uffff": "noncharacter",
        "x" * 101: "x" * 100,
    },
    "project_slug": {
        "": "my-service",
        "x": "x-service",
        "x" * 51: "x" * 50,
        "My Shop": "my-shop",
        "Zoë": "zoe",
        "my-shop\n": "my-shop",
        "../evil": "evil",
        "import": "import-service",
        "none": "none-service",
        "Flask-SQLAlchemy": "flask-sqlalchemy-service",
        "argon2": "argon2-service",
        "http": "http-service",
        "--import-time": "import-time",
        "con": "con-service",
    },
    "description": {"x" * 301: "x" * 300, "a\r\nb": "a b", "\ud800": ""},
    "security_contact": {
        "": "security@example.com",
        "nobody": "security@example.com",
        "a b@example.com": "b@example.com",
        "mailto:a@example.com": "a@example.com",
        "Zoë <a@Bücher.example>": "a@xn--bcher-kva.example",
        "a@example.com\nContact: mailto:b@example.com": "a@example.com",
        "a@localhost": "security@example.com",
        "http://example.com/report": "https://example.com/report",
        "example.com/report": "https://example.com/report",
        "https://Bücher.example/x": "https://xn--bcher-kva.example/x",
        "https://a@example.com": "a@example.com",
        'https://example.com/"x"': "https://example.com",
        "javascript:alert(1)": "security@example.com",
    },
    "csp_sources": {
        "https://Example.com/": "https://example.com",
        "https://a.example\u200b": "https://a.example",
        "example.com": "https://example.com",
        "//example.com": "",
        "http://example.com": "https://example.com",
        "http://localhost:3000": "https://localhost:3000",
        "https://example.com:443": "https://example.com",
        "https://example.com:0": "https://example.com",
        "https://example.com:65536": "https://example.com",
        "https://example.com:08443": "https://example.com:8443",
        "https://example.com.": "https://example.com",
        "https://user:secret@example.com": "https://example.com",
        "https://example.com/path?query#part": "https://example.com",
        "https://*.example.com": "https://example.com",
        "https://-.example": "",
        "https://" + "a" * 64 + ".example": "",
        "https://" + "a." * 127 + "example": "",
        "https://0x7f.1": "",
        "https://[::1": "",
        "https://[0:0::1]": "https://[::1]",
        "https://[::ffff:127.0.0.1]": "https://127.0.0.1",
        "https://[fe80::1%eth0]": "",
        "https://Bücher.example": "https://xn--bcher-kva.example",
        "https://例え。テスト": "https://xn--r8jz45g.xn--zckzah",
        "*": "",
        "null": "",
        "'self'": "",
        "data:": "",
        "https://a.example;script-src": "",
        'https://a.example"': "",
    },
    "cors_origins": {
        "localhost:3000": "http://localhost:3000",
        "http://localhost:80": "http://localhost",
        "http://127.0.0.2:3000": "https://127.0.0.2:3000",
        "http://localhost.evil.example": "https://localhost.evil.example",
        "https://a.example,HTTPS://A.example, *": "https://a.example",
    },
}


def rows(table: dict[str, Any]) -> Any:
    """Name each row by its question and answer, as in `csp_sources='*'`."""
    return [
        pytest.param(question, answer, *better, id=f"{question}={ascii(answer)[:50]}")
        for question, answers in table.items()
        for answer, *better in (answers.items() if isinstance(answers, dict) else zip(answers))
    ]


@pytest.mark.parametrize(("question", "answer"), rows(GOOD))
def test_is_taken_as_it_is(question: str, answer: str) -> None:
    problems, accepted = examine(**{question: answer})
    assert not problems
    assert accepted[question] == answer


@pytest.mark.parametrize(("question", "answer", "better"), rows(BAD))
def test_is_refused_with_a_better_answer(question: str, answer: str, better: str) -> None:
    problems, accepted = examine(**{question: answer})
    assert problems
    assert all(problem.startswith(f"{question}: ") for problem in problems)
    assert accepted[question] == better


@pytest.mark.parametrize("answer", [None, 5, True, ["a"], {"a": "b"}], ids=repr)
@pytest.mark.parametrize("question", DEFAULTS)
def test_what_is_not_text_is_refused(question: str, answer: object) -> None:
    (problem, *_), _ = examine(**{question: answer})
    assert problem.startswith(f"{question}: {answer!r} is not text; ")


def test_missing_answers_are_refused() -> None:
    problems, accepted = PRE_GEN["examine"]({})
    assert len(problems) == len(DEFAULTS)
    assert not PRE_GEN["examine"](accepted)[0]


@pytest.mark.parametrize("nothing", ["", " , ", "\t", "\n", "\u3000"], ids=ascii)
def test_an_allowlist_needs_origins(nothing: str) -> None:
    (problem,), accepted = examine(framing="allowlist", frame_ancestors=nothing)
    assert problem == (
        "framing: 'allowlist' needs an origin in frame_ancestors; 'deny' would be accepted."
    )
    assert accepted["framing"] == "deny"


def test_an_allowlist_of_no_good_origin_becomes_deny() -> None:
    _, accepted = examine(framing="allowlist", frame_ancestors="*")
    assert (accepted["framing"], accepted["frame_ancestors"]) == ("deny", "")


@pytest.mark.parametrize("framing", ["deny", "sameorigin"])
def test_only_an_allowlist_takes_origins(framing: str) -> None:
    (problem,), accepted = examine(framing=framing, frame_ancestors="https://a.example")
    assert problem.startswith(f"framing: '{framing}' does not go with")
    assert accepted["framing"] == "allowlist"


def test_every_choice_is_explained() -> None:
    prompts = support.SETTINGS["__prompts__"]
    assert list(prompts) == list(DEFAULTS)
    explained = {question: list(prompts[question]) for question in support.CHOICES}
    assert explained == {
        question: ["__prompt__", *choices] for question, choices in support.CHOICES.items()
    }


def test_the_page_lists_every_answer() -> None:
    page = (support.PAGES / "choose.md").read_text("utf-8")
    words = [*DEFAULTS, *(answer for choices in support.CHOICES.values() for answer in choices)]
    assert not [word for word in words if f"| `{word}` |" not in page]


def test_the_name_of_every_dependency_is_taken_and_no_other() -> None:
    packages = needed(support.declared(support.FOLDER))
    assert not [package for package in packages if not fault("project_slug", package)]
    modules = {
        name.lower() for name, by in PROVIDERS.items() if packages & set(map(support.normal, by))
    }
    names = {package.replace("-", "_") for package in packages} | modules | OWN | DEVICES
    assert TAKEN - names <= ELSEWHERE


def needed(requirements: list[Requirement]) -> set[str]:
    """Return the names of packages and of all that they need here."""
    found: set[str] = set()
    while requirements:
        requirement = requirements.pop()
        name = support.normal(requirement.name)
        if name not in found:
            found.add(name)
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                requirements += [
                    each
                    for each in map(Requirement, importlib.metadata.requires(name) or [])
                    if not each.marker
                    or any(
                        each.marker.evaluate({"extra": extra})
                        for extra in ["", *requirement.extras]
                    )
                ]
    return found


@pytest.mark.parametrize(
    "module", ["app", "gunicorn.conf", "migrations", "secure_flask", "tests", "wsgi"]
)
def test_the_name_of_every_module_of_the_project_is_taken(module: str) -> None:
    assert list(support.FOLDER.glob(f"{module}*"))
    assert fault("project_slug", module.replace(".", "-"))


# What is said once all answers were good.


def test_what_to_do_next_is_said(
    cookies: Cookies, short_template: Path, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cookies.bake({"project_slug": "shop"}, template=str(short_template))
    said = capfd.readouterr().out
    assert "cd shop\n    make run\n" in said
    assert "app/policy.py" in said
    assert "subdomain" in said
    assert said.isascii()


@pytest.mark.parametrize(
    ("answers", "warned"),
    [
        ({}, False),
        ({"cors_origins": "https://a.example"}, False),
        ({"cors_origins": "https://a.example", "token_type": "session"}, True),
        ({"frame_ancestors": "https://a.example"}, True),
    ],
    ids=str,
)
def test_cookies_stay_on_their_site(answers: dict[str, str], warned: bool) -> None:
    assert ("does not travel" in POST_GEN["advice"](DEFAULTS | answers)) == warned


@pytest.mark.parametrize(
    ("contact", "reminded"), [("security@example.com", True), ("me@example.com", False)]
)
def test_a_contact_that_reaches_nobody_is_named(contact: str, reminded: bool) -> None:
    said = POST_GEN["advice"](DEFAULTS | {"security_contact": contact})
    assert ("security.txt" in said) == reminded


@pytest.mark.parametrize(
    ("sources", "reminded"),
    [
        ("https://fonts.googleapis.com", True),
        ("https://cdn.example.com, https://fonts.googleapis.com", True),
        ("https://fonts.gstatic.com https://fonts.googleapis.com", False),
        ("https://fonts.googleapis.com.example", False),
        ("", False),
    ],
)
def test_style_sheets_of_google_without_their_fonts_are_named(sources: str, reminded: bool) -> None:
    said = POST_GEN["advice"](DEFAULTS | {"csp_sources": sources})
    assert ("https://fonts.gstatic.com" in said) == reminded


def test_the_project_stays_though_nobody_can_read_what_is_said(
    short_template: Path, tmp_path: Path
) -> None:
    support.need(Path("/dev/full").exists(), "/dev/full")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "cookiecutter", str(short_template), "--no-input"]
    line = shlex.join([*command, "--output-dir", str(out)])
    assert replay(out, line=f"{line} > /dev/full").project.is_dir()


# What holds for any text.

PIECES = [
    "https://",
    "http://",
    "localhost",
    "a.example",
    "*.",
    "/",
    ":443",
    ":",
    "@",
    "[::1]",
    "ß",
    ".",
]
NEAR_MISSES = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)
ANY_TEXT = NEAR_MISSES | st.text()
ANSWERS = st.fixed_dictionaries(dict.fromkeys(DEFAULTS, ANY_TEXT))


@given(ANSWERS)
def test_whatever_is_refused_the_suggestions_are_accepted(answers: dict[str, str]) -> None:
    _, accepted = examine(**answers)
    assert examine(**accepted) == ([], accepted)


@given(ANSWERS)
def test_what_is_accepted_is_kept(answers: dict[str, str]) -> None:
    problems, accepted = examine(**answers)
    refused = {problem.partition(":")[0] for problem in problems}
    assert all(accepted[question] == answers[question] for question in set(DEFAULTS) - refused)


@given(NEAR_MISSES)
def test_the_project_starts_with_every_origin_that_is_accepted(text: str) -> None:
    _, accepted = examine(cors_origins=text)
    origins = accepted["cors_origins"].replace(",", " ").split()
    assert [origin for origin in origins if not ORIGINS["is_origin"](origin)] == []


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_shell_gives_back_any_text(encoding: str, text: str) -> None:
    with mock.patch("sys.stderr", mock.Mock(encoding=encoding)):
        word = PRE_GEN["in_shell"](text)
    # What reorders or hides would not survive being copied.
    assert word.isprintable()
    shown = subprocess.run(["sh", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert shown.stdout.decode() == text


@given(st.lists(st.sampled_from(["{", "}", "%", "#", " cookiecutter:", "'", "x"])).map("".join))
def test_no_input_gives_back_any_text(text: str) -> None:
    environment = jinja2.Environment(autoescape=False, **support.SETTINGS["_jinja2_env_vars"])  # noqa: S701
    assert environment.from_string(PRE_GEN["without_marks"](text)).render() == text
