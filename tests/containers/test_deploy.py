"""The Dockerfile and compose.yaml: valid, hardened, and without a secret; Kubernetes by example.

test_containers.py runs them, where there is a container engine.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pytest_cookies.plugin import Cookies
from secure_flask import Settings
from secure_flask.settings.__main__ import fresh_secrets

import following
import services
import support
from conftest import NewProject
from services import proxies

KUBERNETES = "1.37"
MANIFESTS = sorted((support.TEMPLATE / "docs" / "examples" / "kubernetes").glob("*.yaml"))
PROGRAMS = Path(sys.executable).parent
HADOLINT = f"{PROGRAMS}/hadolint"
# Read by gunicorn.conf.py, and WEB_CONCURRENCY by gunicorn itself.
GUNICORNS = {"BIND_HOST", "PORT", "WEB_CONCURRENCY"}
SECRET = re.compile(r"SECRET|KEYS|PASSWORD")
OPTIONAL = ("TOKEN_KEYS", None)
IN_FORCE = """
import runpy
from app.settings import Settings
print(Settings.load().for_flask(), runpy.run_path("gunicorn.conf.py")["bind"])
"""


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    return new_project(token_type="jwt")


@pytest.fixture
def compose(project: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
    return read


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_the_example_for_kubernetes_follows_its_schemas(file: Path) -> None:
    for manifest in yaml.safe_load_all(file.read_text("utf-8")):
        if manifest["kind"] != "Kustomization":
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_hadolint_finds_nothing_in_the_dockerfile(project: Path) -> None:
    support.run(HADOLINT, "Dockerfile", cwd=project)


def test_compose_yaml_follows_the_specification(project: Path) -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    support.python("-m", "check_jsonschema", *schema, "compose.yaml", cwd=project)


@pytest.mark.parametrize("slug", ["null", "no", "yes"])
def test_a_name_that_yaml_reads_as_another_value_stays_a_name(slug: str, cookies: Cookies) -> None:
    project = support.project_of(cookies.bake({"project_slug": slug}))
    compose = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
    assert (compose["name"], compose["services"]["app"]["image"]) == (slug, slug)


def test_compose_takes_each_secret_from_env(compose: dict[str, Any]) -> None:
    secrets = [
        (name, value)
        for service in compose["services"].values()
        for name, value in service.get("environment", {}).items()
        if SECRET.search(name)
    ]
    assert secrets
    written = [each for each in secrets if not (each[1] or "").startswith(f"${{{each[0]}:?")]
    # The one that not every project needs is passed on from .env where it is set.
    assert {*written} <= {OPTIONAL}


@pytest.mark.parametrize(
    "secret",
    [
        r"(?m)^ARG|^ENV .*(SECRET|KEYS|PASSWORD)",
        r"://\w+:(?!\$\{)",
        r"(?=\S*\d)[\w+/=-]{32,}",
    ],
    ids=["a variable of the image", "a password in an address", "a long value"],
)
def test_no_file_holds_a_secret(project: Path, secret: str) -> None:
    files = [path for path in (project / "deploy").rglob("*") if path.is_file()]
    files += [project / "Dockerfile", project / "compose.yaml"]
    # A digest says which image is meant, and is public.
    digest = r"@sha256:[0-9a-f]{64}\b"
    texts = {file: re.sub(digest, "", file.read_text("utf-8")) for file in files}
    assert [file for file, text in texts.items() if re.search(secret, text)] == []


@pytest.mark.asvs("13.4.1")
def test_nothing_enters_the_image_that_is_not_named(project: Path) -> None:
    lines = (project / ".dockerignore").read_text("utf-8").splitlines()
    first, *rules = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    named = {rule[1:] for rule in rules if rule.startswith("!")}
    assert not [name for name in named if re.search(r"\*|(?:^|/)\.", name)]


def test_the_image_names_a_user_that_is_not_root(project: Path) -> None:
    users = re.findall(r"^USER (.*)$", (project / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)


def test_composes_containers_have_no_rights(
    compose: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for name, service in compose["services"].items():
        with subtests.test(name):
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert "build" in service or service["user"] not in ("root", "0", "0:0")
            assert not service.get("privileged")
    assert {name for name, service in compose["services"].items() if "cap_add" in service} == {
        "proxy"
    }
    assert compose["services"]["proxy"]["cap_add"] == ["NET_BIND_SERVICE"]


def test_only_the_proxy_is_reached_from_outside(compose: dict[str, Any]) -> None:
    parts = compose["services"]
    assert [name for name, service in parts.items() if "ports" in service] == ["proxy"]
    assert [name for name in parts if ways_out(compose) & {*parts[name]["networks"]}] == ["proxy"]
    assert not {*parts["proxy"]["networks"]} & {*parts["database"]["networks"]}


def test_the_proxy_is_reached_by_ipv6_without_another_proxy_between(
    compose: dict[str, Any],
) -> None:
    """Docker's own would tell it one address for all visitors."""
    ways_in = ways_out(compose) & {*compose["services"]["proxy"]["networks"]}
    assert ways_in
    assert all(compose["networks"][name]["enable_ipv6"] is True for name in ways_in)


def test_compose_passes_every_setting_on_and_no_other(project: Path, compose: Any) -> None:
    parts = compose["services"]
    # The image sets where it listens, and what it runs is production.
    passed = settings(project) - {"APP_ENV", "BIND_HOST", "PORT", "POSTGRES_PASSWORD"}
    assert {*parts["app"]["environment"]} == passed
    assert {*parts["migrate"]["environment"]} == passed


def test_env_example_names_every_setting_of_the_app(project: Path) -> None:
    text = support.text_of(support.FOLDER / "secure_flask" / "accounts" / "settings.py")
    # Not imported, which would give the other tests the tables of accounts.
    of_accounts = re.findall(r"^    ([a-z_]+): (?!ClassVar)", text, re.MULTILINE)
    read = {name.upper() for name in (*Settings.model_fields, *of_accounts)}
    known = (read - {"FLASK_DEBUG"}) | GUNICORNS | {"POSTGRES_PASSWORD"}
    assert settings(project) == known


@pytest.mark.all
def test_a_copy_of_env_example_sets_nothing_but_what_must_be_filled_in(project: Path) -> None:
    assert set(copied(project).values()) == {""}
    assert not {*copied(project)} & {
        "BIND_HOST",
        "PORT",
        "WEB_CONCURRENCY",
    }  # empty, too, they count
    needed = {**fresh_secrets(), "TRUSTED_HOSTS": "www.safe.test"}
    assert {*copied(project)} == {*needed, "POSTGRES_PASSWORD"}
    alone = support.python("-c", IN_FORCE, cwd=project, **needed)
    assert support.python("-c", IN_FORCE, cwd=project, **needed, **shown(project)) == alone


@pytest.mark.all
def test_the_commands_of_env_example_make_secrets(new_project: NewProject) -> None:
    project = new_project()
    (project / ".venv").symlink_to(sys.prefix)
    commands = {*re.findall(r"^#   (.*python -c .*)$", example(project), re.MULTILINE)}
    assert len(commands) == 3
    # Off the PATH, as at a desk: a python there may be another, without the packages.
    made = {support.run(*shlex.split(line), cwd=project, PATH="/nowhere") for line in commands}
    assert len(made) == 3
    assert min(map(len, made)) > 32


@pytest.mark.parametrize(
    "names", ["www.safe.test,safe.test", "www.safe.test, safe.test", "www.safe.test safe.test"]
)
def test_the_proxy_serves_every_name_that_the_app_trusts(
    names: str, project: Path, compose: dict[str, Any]
) -> None:
    servers = adapted(project, compose, TRUSTED_HOSTS=names)["apps"]["http"]["servers"].values()
    routes = [route for server in servers for route in server["routes"]]
    # Without a match a route is for any other name.
    named = [route["match"] for route in routes if "match" in route]
    assert named == [[{"host": ["www.safe.test", "safe.test"]}]]


def test_compose_waits_for_tables_and_for_what_says_that_it_is_healthy(compose: Any) -> None:
    parts = compose["services"]
    assert parts["app"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert parts["migrate"]["command"] == ["flask", "db", "upgrade"]
    waits = {
        (name, other): wait["condition"] == "service_healthy"
        for name, part in parts.items()
        for other, wait in part.get("depends_on", {}).items()
    }
    assert waits == {(name, other): "healthcheck" in parts[other] for name, other in waits}


def test_requests_may_end_before_a_container_or_a_unit_does(project: Path, compose: Any) -> None:
    conf = (project / "gunicorn.conf.py").read_text("utf-8")
    [timeout] = re.findall(r"graceful_timeout = (\d+)\n", conf)
    longest = int(timeout)
    assert int(compose["services"]["app"]["stop_grace_period"].rstrip("s")) > longest
    page = support.PAGES / "how-to" / "go-live.md"
    [unit] = [step.code for step in following.steps(page) if "TimeoutStopSec" in step.code]
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]) > longest
    # Otherwise systemd stops the workers too, before they have answered.
    assert "\nKillMode=mixed\n" in unit


def test_the_proxy_buffers_what_it_lets_in(project: Path, compose: Any) -> None:
    """A body above the buffer would hold a thread of gunicorn until it has arrived."""
    variables = {"TRUSTED_HOSTS": "www.safe.test", "MAX_REQUEST_BODY": "3MiB"}
    assert {*compose["services"]["proxy"]["environment"]} == {*variables}
    config = adapted(project, compose, **variables)
    assert sizes(config, "max_size") == sizes(config, "request_buffers") == {3 * 2**20}
    by_default = adapted(project, compose, TRUSTED_HOSTS="www.safe.test")
    assert sizes(by_default, "max_size") == sizes(by_default, "request_buffers") == {128 * 2**10}


def test_the_app_knows_the_limit_that_each_proxy_has_by_default(compose: Any) -> None:
    assert Settings.model_fields["max_request_body"].default == 128 * 2**10
    assert compose["services"]["proxy"]["environment"]["MAX_REQUEST_BODY"].endswith(":-128KiB}")
    assert "client_max_body_size 128k;" in proxies.PAGE.read_text("utf-8")


def sizes(config: Any, name: str) -> set[int]:
    """Return each value of a name anywhere in Caddy's configuration."""
    return {int(found) for found in re.findall(rf'"{name}":\s*(\d+)', json.dumps(config))}


def adapted(project: Path, compose: Any, **variables: str) -> Any:
    """Return the Caddyfile as Caddy reads it."""
    *shell, script = proxies.caddys_command(compose, project / "deploy" / "Caddyfile")
    adapt = script.replace(" run ", " adapt ")
    said = support.run(*shell, adapt, cwd=project, **variables, **proxies.CADDYS)
    return json.loads(said.splitlines()[-1])


def test_the_app_is_no_superuser_of_its_database(project: Path) -> None:
    with services.postgresql() as server:
        own_database(project, server)
        roles = psql(
            server, "--command=SELECT rolname, rolsuper, rolpassword ~ 'SCRAM' FROM pg_authid"
        )
    assert "app|f|t" in roles
    assert "postgres|t|\n" in roles


def own_database(project: Path, server: str) -> str:
    """Set PostgreSQL up as its image does with database.sql; gives the app's URL."""
    psql(server, "--command=CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'forgotten'")
    psql(server, f"--file={project}/deploy/database.sql", POSTGRES_PASSWORD="any")
    return re.sub(r"test@(.*)/postgres", r"app@\1/app", server)


def psql(server: str, *arguments: str, **environment: str) -> str:
    support.need(shutil.which("psql"), "psql")
    options = ("--no-psqlrc", "--set=ON_ERROR_STOP=1", "--tuples-only", "--no-align")
    return support.run("psql", server, *options, *arguments, cwd=Path("/"), **environment)


def settings(project: Path) -> set[str]:
    """Return the names in .env.example, which lists every setting."""
    return {*copied(project), *shown(project)}


def copied(project: Path) -> dict[str, str]:
    """Return what a copy of .env.example sets."""
    return dict(re.findall(r"^(\w+)=(.*)$", example(project), re.MULTILINE))


def shown(project: Path) -> dict[str, str]:
    """Return what .env.example says that holds anyway."""
    return dict(re.findall(r"^# ([A-Z_]+)=(.*)$", example(project), re.MULTILINE))


def example(project: Path) -> str:
    return (project / ".env.example").read_text("utf-8")


def ways_out(compose: dict[str, Any]) -> set[str]:
    """Return the networks that lead out of the machine."""
    networks = compose["networks"].items()
    return {name for name, network in networks if not (network or {}).get("internal")}
