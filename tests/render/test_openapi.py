"""What `/openapi.json` says is true, and other people's programs can use it.

schemathesis asks a real server, spectral reads it by its rules, and generators make clients of it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import following
import services
import support
from conftest import NewProject

PAGE = support.PAGES / "how-to" / "json-routes.md"
CONTRACT = support.PAGES / "how-to" / "api-with-a-contract.md"
WRITE = """
from pathlib import Path
from app import create_app
from secure_flask import openapi
Path("openapi.json").write_text(openapi.document(create_app()), "utf-8")
"""
# Views as owners write them: without marks, docstrings or a blueprint, with several methods and
# paths, and of a class.
OWN_VIEWS = """
from flask.views import MethodView


class Orders(MethodView):
    def get(self, number: int = 0) -> str:
        return ""

    def post(self) -> str:
        return ""


@blueprint.record
def add(state: object) -> None:
    app = state.app
    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    app.add_url_rule("/orders/<int:number>", endpoint="orders")
    plain = lambda name="": ""
    for path in ("/plain", "/plain/<path:name>", "/plain-<name>"):
        app.add_url_rule(path, "größe", plain, methods=["GET", "PUT", "PATCH"])
"""

# A login that never works would leave most of the document untried: that fails too.
CONFIGURATION = "[warnings]\nfail-on = true\n"
# The document does not name the fields of a form, so most forms that it allows get a 422, and
# those with control characters a 400.
FORMS = """
[[operations]]
include-path-regex = "^/(account|tasks|login|logout|reauthenticate)"
warnings = false
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "4xx", "5xx"]

# No operation makes a login whose id is known, none knows the password, and its user is no admin.
[[operations]]
include-path-regex = "^/(sessions/|password|people)"
warnings = false
"""

OF_CONTRACT = """
[parameters]
"path.name" = "ada"

# No schema says which text is an address, and which password is easy to guess.
[[operations]]
include-path-regex = "^/api/users?(/login)?$"
warnings = false
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "4xx", "5xx"]

# A change would end the logins that the hooks begin.
[[operations]]
include-name = "PUT /api/user"
generation.mode = "negative"

# To the server, this is the path of an article with the slug `feed` too.
[[operations]]
include-path = "/api/articles/feed"
phases.coverage.unexpected-methods = []

# It does not find the number of a comment.
[[operations]]
include-path-regex = "/comments/.number.$"
warnings = false
"""


# tests/core/test_openapi.py says daily what the document holds.
@pytest.mark.slow(seconds=60)
@pytest.mark.parametrize(
    ("token_type", "examples"),
    [
        pytest.param("opaque", 8, marks=pytest.mark.all),
        *(pytest.param(each, 20, marks=pytest.mark.weekly) for each in ("session", "jwt")),
    ],
)
def test_schemathesis_finds_nothing(
    new_project: NewProject, tmp_path: Path, token_type: str, examples: int
) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION + FORMS, "utf-8")
    output = ask_by_schemathesis(new_project(token_type=token_type), tmp_path, examples)
    assert "No issues found" in output
    assert cases(output) > 300


@pytest.mark.weekly
@pytest.mark.slow(seconds=60)
def test_schemathesis_finds_nothing_in_an_api_whose_contract_is_given(
    new_project: NewProject, tmp_path: Path
) -> None:
    project = new_project()
    following.write_files(project, CONTRACT)
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION + OF_CONTRACT, "utf-8")
    output = ask_by_schemathesis(project, tmp_path, 8, "--include-path-regex=^/api/(?!tasks)")
    assert "No issues found" in output
    assert cases(output) > 300


def ask_by_schemathesis(project: Path, folder: Path, examples: int, *options: str) -> str:
    """Return what it says of the operations of a project, by the configuration in a folder."""
    with services.gunicorn(project, folder / "log") as port:
        return support.run(
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"http://127.0.0.1:{port}/openapi.json",
            "--checks=all",
            # A form deletes a task too, by POST, which it does not expect.
            "--exclude-checks=ensure_resource_availability",
            f"--max-examples={examples}",
            "--seed=1",
            "--generation-database=none",
            "--no-color",
            *options,
            cwd=folder,
            PYTHONPATH=str(Path(__file__).parent),
            SCHEMATHESIS_HOOKS="schemathesis_hooks",
        )


def cases(output: str) -> int:
    """Return how many requests were made and passed."""
    found = re.search(r"(\d+) generated, \1 passed", output)
    return int(found[1]) if found else 0


WRITE_AN_ARTICLE = """
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const client = createClient<paths>({ baseUrl: "http://localhost:8000" });
const user = { username: "jake", email: "jake@example.org", password: "seven owls in ink" };
const registered = await client.POST("/api/users", { body: { user } });
const headers = { Authorization: `Token ${registered.data?.user.token}` };

const article = { title: "Dragons", description: "How?", body: "Carefully.", tagList: ["fire"] };
const written = await client.POST("/api/articles", { headers, body: { article } });
console.log(written.response.status, written.data?.article.title);

const query = { tag: "fire", limit: 1 };
const found = await client.GET("/api/articles", { params: { query } });
const author = found.data?.articles[0]?.author;
console.log(found.response.status, author?.username, author?.following);
"""
COMPILE = "--strict --target es2022 --module esnext --moduleResolution bundler"


def document_of(project: Path) -> Path:
    support.write_settings(project)
    support.python("-c", WRITE, cwd=project)
    return project / "openapi.json"


@pytest.mark.all
@pytest.mark.slow
def test_spectral_finds_nothing(
    new_project: NewProject, node_programs: Path, tmp_path: Path
) -> None:
    """The document of self-service has each route of the other."""
    # OpenAPI 3.1 lets a requirement list roles. The rule knows only the scopes of OAuth.
    rules_of_3_0 = "rules:\n  oas3-operation-security-defined: off\n"
    (tmp_path / "rules.yaml").write_text(f"extends: spectral:oas\n{rules_of_3_0}", "utf-8")
    rules = ("--ruleset", tmp_path / "rules.yaml", "--fail-severity", "hint")
    kinds = support.CHOICES["token_type"]
    projects = [new_project(accounts="self-service", token_type=kind) for kind in kinds]
    for project in projects:
        with (project / "app" / "api.py").open("a", encoding="utf-8") as file:
            file.write(OWN_VIEWS)
    documents = map(document_of, projects)
    support.run(node_programs / "spectral", "lint", *rules, *documents, cwd=tmp_path)


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize(
    ("token_type", "accounts"),
    [(support.DEFAULTS["token_type"], support.DEFAULTS["accounts"]), ("session", "self-service")],
)
def test_a_generated_client_logs_in_and_adds_a_task(
    new_project: NewProject, node_programs: Path, tmp_path: Path, token_type: str, accounts: str
) -> None:
    """The program of the page."""
    program, session = [step.code for step in following.steps(PAGE) if step.language == "ts"]
    if token_type == "session":
        program = re.sub("(?m)^const headers = .*\n", lambda _: session, program)
    project = new_project(token_type=token_type, accounts=accounts)
    assert run_client(project, program, tmp_path, node_programs) == "201 Call the bank\n"


@pytest.mark.all
@pytest.mark.slow
def test_a_generated_client_writes_an_article_by_a_given_contract(
    new_project: NewProject, node_programs: Path, tmp_path: Path
) -> None:
    project = new_project()
    following.write_files(project, CONTRACT)
    said = run_client(project, WRITE_AN_ARTICLE, tmp_path, node_programs)
    assert said == "201 Dragons\n200 jake false\n"


def run_client(project: Path, program: str, folder: Path, node_programs: Path) -> str:
    """Generate types by the page's command, compile the program and return what it prints."""
    [command] = re.findall(r"^\$ npx (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    (folder / "node_modules").symlink_to(node_programs.parent)
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    with services.gunicorn(project, folder / "log") as port:
        here = f"localhost:{port}"
        (folder / "program.ts").write_text(program.replace(following.ADDRESS, here), "utf-8")
        generator, *options = command.replace(following.ADDRESS, here).split()
        support.run(node_programs / generator, *options, cwd=folder)
        support.run(node_programs / "tsc", *COMPILE.split(), "program.ts", cwd=folder)
        return support.run("node", "program.js", cwd=folder)
