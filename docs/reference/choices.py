"""What each answer of the template changes, for `docs/choose.md`: asked of the code in each state."""

import json
import keyword
import os
import re
import runpy
from collections.abc import Mapping
from difflib import ndiff
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import mypy
from cookiecutter.generate import is_copy_only_path
from cookiecutter.utils import create_env_with_context
from jinja2 import FileSystemBytecodeCache

from docs.reference import FOLDER
from docs.reference.allowed import FROM_OUTSIDE, IN_A_PAGE, LISTED, TERMS, Sent, words
from tools.benchmarks.rendered import TEMPLATE, module

PRE_GEN = runpy.run_path(str(TEMPLATE / "hooks" / "pre_gen_project.py"))
POST_GEN = runpy.run_path(str(TEMPLATE / "hooks" / "post_gen_project.py"))
ANSWERS = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))
DEFAULTS = {
    question: answer[0] if isinstance(answer, list) else answer
    for question, answer in ANSWERS.items()
    if question[0] != "_"
} | {"project_slug": "my-service"}
HOST = "www.example.org"
# The two kinds of answers to a question that has no list of them.
NONE, NAMED = "", "named"
TYPED = (*LISTED, "security_contact")
ALLOWING = ("csp", "csp_sources", "framing", "cors_origins")
IN_POLICY = ("CSP", "CSP_SOURCES", "FRAME_ANCESTORS", "CORS_ORIGINS", "TOKEN_TYPE")
# These write the answers down, two of them in one line.
RECORDS = (".cookiecutter.json", "README.md", "SECURITY.md")
BULLET = re.compile(r"^- (.+(?:\n  .+)*)", re.MULTILINE)
# What the settings say of a variable: the command that makes its value, or what it holds.
MADE_BY = re.compile(r"^(\w+).*(?:output of|run): (python .+)")
VARIABLE = re.compile(r"^(\w+): (is missing: )?(.+)")
RANDOM = re.compile(r"(?<=nonce-)[^']+")
# These differ with the text of a page, and from request to request.
PASSING = {"Content-Length", "X-Request-ID"}

# The answers to some questions, and what they are for each of them.
State = tuple[tuple[str, str], ...]
Values = Mapping[State, object]
# The questions that something depends on, and what it is for each of their answers.
Table = dict[str, Any]


def script() -> str:
    """The data as a script: a page that is opened as a file can fetch nothing."""
    data = {
        "questions": [question(name) for name in DEFAULTS],
        "taken": taken(),
        "listed": LISTED,
        "source": ANSWERS["_source"].removeprefix("https://github.com/"),
        "terms": TERMS,
        "allowed": allowed(),
        "headers": headers(),
        "files": files(),
        "needs": needs(),
    }
    return f"const CHOICES = {json.dumps(data, indent=1, ensure_ascii=False)};\n"


def states(*questions: str) -> list[State]:
    """All answers to these questions."""
    choices = ([NONE, NAMED] if name in TYPED else ANSWERS[name] for name in questions)
    return [tuple(zip(questions, each, strict=True)) for each in product(*choices)]


def table(values: Values) -> Table:
    """The values by the answers to those questions alone on which they depend."""
    by = [name for name, _ in next(iter(values)) if depends(name, values)]
    keys = (",".join(dict(state)[name] for name in by) for state in values)
    return {"by": by, "values": dict(zip(keys, values.values(), strict=True))}


def depends(name: str, values: Values) -> bool:
    alike: dict[State, set[object]] = {}
    for state, value in values.items():
        others = tuple(pair for pair in state if pair[0] != name)
        alike.setdefault(others, set()).add(value)
    return any(len(each) > 1 for each in alike.values())


# The questions, and the folders that the hook refuses.


def question(name: str) -> dict[str, Any]:
    prompt, default = ANSWERS["__prompts__"][name], ANSWERS[name]
    if isinstance(default, list):
        choices = {each: prompt[each].partition(": ")[2] for each in default}
        return {"name": name, "prompt": prompt["__prompt__"], "choices": choices}
    computed = default.startswith("{" * 2)
    return {"name": name, "prompt": prompt, "default": "" if computed else default}


def taken() -> str:
    """The names that the hook refuses on some Python; its own list has the running one's alone."""
    versions = (Path(mypy.__file__).parent / "typeshed" / "stdlib" / "VERSIONS").read_text("utf-8")
    modules = re.findall(r"^([a-z]\w*):", versions, re.MULTILINE)
    names = {*modules, *map(str.lower, keyword.kwlist), *" ".join(ANSWERS["_taken_names"]).split()}
    return " ".join(sorted(names))


# What is sent, and what that allows.


def headers() -> dict[str, Table]:
    """The headers that differ between answers, over https in production."""
    of_pages = {state: page_headers(state) for state in states("csp", "csp_sources", "framing")}
    of_api = {state: api_headers(state) for state in states("cors_origins", "token_type")}
    return by_name(of_pages) | by_name(of_api)


def by_name(sent: Mapping[State, Mapping[str, str]]) -> dict[str, Table]:
    names = dict.fromkeys(name for each in sent.values() for name in each)
    tables = {
        name: table({state: each.get(name, "") for state, each in sent.items()}) for name in names
    }
    return {name: made for name, made in tables.items() if made["by"]}


@cache
def page_headers(state: State) -> dict[str, str]:
    answer = create_app(state).test_client().get("/", base_url=f"https://{HOST}")
    return {name: RANDOM.sub("…", value) for name, value in answer.headers if name not in PASSING}


@cache
def api_headers(state: State) -> dict[str, str]:
    """The headers of CORS, as a script of a listed site gets them before its request."""
    asked = {"Origin": LISTED["cors_origins"], "Access-Control-Request-Method": "POST"}
    client = create_app(state).test_client()
    answer = client.options("/login", base_url=f"https://{HOST}", headers=asked)
    # The order of the methods differs from process to process.
    return {
        name: ", ".join(sorted(value.split(", ")))
        for name, value in answer.headers
        if name.startswith("Access-Control")
    }


def create_app(state: State) -> Any:
    """An app of the rendered project in production, with what app/policy.py has after these answers."""
    settings = module("secure_flask.testing").settings(
        module("app.settings").Settings,
        app_env="production",
        database_url="sqlite:///:memory:",
        redis_url=None,
        log_level="ERROR",
        trusted_hosts=HOST,
        public_url=f"https://{HOST}",
    )
    created = module("app")
    app, core = created.create_app(settings, **policy(state)), module("secure_flask")
    # Else each of these apps compiles the same pages.
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(created.__path__[0])
    with app.app_context():
        core.Model.metadata.create_all(core.db.engine)
    return app


def policy(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(rendered("app/policy.py", answers(state)), found)  # noqa: S102 (the template's own file)
    return {name: found[name] for name in IN_POLICY}


def allowed() -> dict[str, dict[str, Table]]:
    sent = {state: sent_in(state) for state in states(*ALLOWING)}
    return {
        title: {
            what: table({state: words(rule, each) for state, each in sent.items()})
            for what, rule in rules.items()
        }
        for title, rules in {"In a page": IN_A_PAGE, "From outside": FROM_OUTSIDE}.items()
    }


def in_a_page(csp: str) -> dict[str, str]:
    """What a page may do at a level, where it lists a site and its own pages may frame it."""
    answers = (csp, NAMED, "sameorigin", NONE)
    sent = sent_in(tuple(zip(ALLOWING, answers, strict=True)))
    return {what: words(rule, sent) for what, rule in IN_A_PAGE.items()}


def sent_in(state: State) -> Sent:
    return Sent(page_headers(state[:3]), api_headers((state[3], ("token_type", "opaque"))))


# What is written, and what production then needs.


def files() -> dict[str, dict[str, list[str]]]:
    """What each answer changes beside the default: files with their lines, and new folders."""
    before = project(DEFAULTS)
    return {
        f"{name}={answer}": changed(before, project(answers(((name, answer),))))
        for name in (*ALLOWING, "token_type", "accounts")
        for ((_, answer),) in states(name)[1:]
    }


def changed(before: dict[str, str], after: dict[str, str]) -> dict[str, list[str]]:
    differing = [name for name in before if before[name] != after[name]]
    added = [part(name) for name in after if name not in before]
    return {name: lines(before[name], after[name]) for name in differing} | {
        f"{name} ({added.count(name)} files)" if "." not in name else name: []
        for name in sorted({*added})
    }


def lines(before: str, after: str) -> list[str]:
    """The lines that differ, those of a list or function below the line that begins it."""
    found, beginning = list[str](), ""
    for line in ndiff(before.splitlines(), after.splitlines()):
        text = line[2:]
        if line[0] in "+-" and text.strip():
            is_inside = text.startswith(" ") and beginning not in found
            found += [beginning, line] if is_inside else [line]
        elif line[0] == " " and text.strip() and not text.startswith(" "):
            beginning = line
    return found


def part(name: str) -> str:
    """The part of accounts to which a file belongs."""
    return next(str(each) for each in PRE_GEN["OF_ACCOUNTS"] if name.startswith(each))


def project(given: dict[str, str]) -> dict[str, str]:
    """The files of a project by name. Those that are copied are alike, and have no text here."""
    context = {"cookiecutter": ANSWERS}
    found = (file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file())
    return {
        name: "" if is_copy_only_path(name, context) else rendered(name, given)
        for name in sorted(found)
        if name not in RECORDS
        if given["accounts"] != "builtin" or not name.startswith(PRE_GEN["OF_ACCOUNTS"])
    }


def rendered(name: str, given: dict[str, str]) -> str:
    environment = create_env_with_context({"cookiecutter": ANSWERS})
    template = environment.from_string((FOLDER / name).read_text("utf-8"))
    return str(template.render(cookiecutter=ANSWERS | given))


def answers(state: State) -> dict[str, str]:
    """The answers to all questions in a state."""
    given = {name: filled(name) if answer == NAMED else answer for name, answer in state}
    if given.get("framing") == "allowlist":
        given["frame_ancestors"] = LISTED["frame_ancestors"]
    return DEFAULTS | given


def filled(name: str) -> str:
    return LISTED.get(name, f"security@{HOST}")


def needs() -> dict[str, Table]:
    """What production needs, by the sentence that says so: of the settings, or of the hook."""
    asked = ("framing", "cors_origins", "token_type", "accounts", "security_contact")
    said = {state: required(dict(state)) + advised(state) for state in states(*asked)}
    sentences = dict.fromkeys(each for all_of_it in said.values() for each in all_of_it)
    return {
        each: table({state: each in all_of_it for state, all_of_it in said.items()})
        for each in sentences
    }


def advised(state: State) -> list[str]:
    given = answers(state)
    given["security_contact"] = given["security_contact"] or DEFAULTS["security_contact"]
    bullets = BULLET.findall(POST_GEN["advice"](given))
    # The settings say what MAILS says.
    return [" ".join(each.split()) for each in bullets if "MAIL_URL" not in each]


@cache
def of_settings(accounts: str) -> list[str]:
    """What the settings say where the environment is empty."""
    kind = module("secure_flask").Settings
    if accounts == "self-service":
        kind = module("secure_flask.accounts").AccountSettings
    with patch.dict(os.environ, clear=True), patch.dict(kind.model_config, env_file=None):
        try:
            kind.load()
        except module("secure_flask").SettingsError as error:
            return re.findall(r"^  (.+)", error.message, re.MULTILINE)
    return []


def required(given: dict[str, str]) -> list[str]:
    of_keys = module("secure_flask.settings.keyrings").NO_TOKEN_KEYS
    is_signed = given["token_type"] == "jwt"  # noqa: S105 - a kind of token, no password
    found = of_settings(given["accounts"]) + ([of_keys] if is_signed else [])
    return [VARIABLE.sub(r"`\1`: \3", MADE_BY.sub(r"\1: make one by `\2`", each)) for each in found]
