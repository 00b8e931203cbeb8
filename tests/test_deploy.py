"""The Dockerfile, compose.yaml and the manifests: valid, hardened, and without a secret.

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
from gunicorn.config import GracefulTimeout

import containers
import following
import proxies
import services
import support
from conftest import NewProject, Rendered
from support import Answers

KUBERNETES = "1.37"
DATABASE = support.FOLDER / "app" / "db" / "database.py"
PROGRAMS = Path(sys.executable).parent
HADOLINT = f"{PROGRAMS}/hadolint"
# Read by gunicorn.conf.py, and WEB_CONCURRENCY by gunicorn itself.
GUNICORNS = {"HOST", "PORT", "WEB_CONCURRENCY"}
SECRET = re.compile(r"SECRET|KEYS|PASSWORD|MAIL_URL")
READ_SETTINGS = "from app.settings import Settings; print(*Settings.model_fields)"
IN_FORCE = """
import runpy
from app.settings import Settings
print(Settings.load().for_flask(), runpy.run_path("gunicorn.conf.py")["bind"])
"""


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    """Render an answer that needs every setting."""
    return new_project(token_type="jwt")


@pytest.fixture
def compose(project: Path) -> dict[str, Any]:
    return read_compose(project)


@pytest.fixture
def manifests(project: Path) -> list[dict[str, Any]]:
    files = sorted((project / "deploy" / "kubernetes").glob("*.yaml"))
    documents = [yaml.safe_load(file.read_text("utf-8")) for file in files]
    return [document for document in documents if document["kind"] != "Kustomization"]


@pytest.fixture
def pods(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [each["spec"]["template"]["spec"] for each in of(manifests, "Deployment", "Job")]
    assert len(found) == 2
    return found


def test_hadolint_finds_nothing_in_the_dockerfile(project: Path) -> None:
    support.run(HADOLINT, "Dockerfile", cwd=project)


def test_compose_yaml_follows_the_specification(project: Path) -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    support.python("-m", "check_jsonschema", *schema, "compose.yaml", cwd=project)


def test_manifests_follow_kubernetes_schemas(manifests: list[dict[str, Any]]) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_kustomize_finds_every_manifest_and_image(project: Path, pods: list[Any]) -> None:
    folder = project / "deploy" / "kubernetes"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    files = {file.name for file in folder.iterdir()}
    assert {*kustomization["resources"], "kustomization.yaml"} == files
    named = {item["name"] for item in kustomization["images"]}
    assert named == {container["image"] for pod in pods for container in pod["containers"]}


def test_no_file_holds_a_secret(project: Path, compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                assert value.startswith(f"${{{name}:?")
    for file in deployment_files(project):
        # A digest says which image is meant, and is public.
        text = re.sub(r"@sha256:[0-9a-f]{64}\b", "", file.read_text("utf-8"))
        assert not re.search(
            r"kind: Secret$|^ARG|^ENV .*(SECRET|KEYS|PASSWORD)", text, re.MULTILINE
        )
        assert not re.search(r"://\w+:(?!\$\{)", text), file
        assert not re.search(r"(?=\S*\d)[\w+/=-]{32,}", text), file


def test_nothing_enters_the_image_that_is_not_named(project: Path) -> None:
    lines = (project / ".dockerignore").read_text("utf-8").splitlines()
    first, *rules = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    named = {rule[1:] for rule in rules if rule.startswith("!")}
    assert not [name for name in named if "*" in name or name.startswith(".")]


def test_the_image_names_a_user_that_is_not_root(project: Path) -> None:
    users = re.findall(r"^USER (.*)$", (project / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)


def test_composes_containers_have_no_rights(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "build" in service or service["user"] not in ("root", "0", "0:0"), name
        assert not service.get("privileged"), name
    assert {name for name, service in compose["services"].items() if "cap_add" in service} == {
        "proxy"
    }
    assert compose["services"]["proxy"]["cap_add"] == ["NET_BIND_SERVICE"]


def test_pods_are_restricted(pods: list[dict[str, Any]]) -> None:
    """As the Pod Security Standards ask at their strictest, and more."""
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"requests", "limits"} <= container["resources"].keys()


def test_the_namespace_refuses_other_pods(manifests: list[dict[str, Any]]) -> None:
    (namespace,) = of(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


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


def test_pods_speak_only_to_who_is_named(manifests: list[dict[str, Any]]) -> None:
    (policy,) = (each["spec"] for each in of(manifests, "NetworkPolicy"))
    assert policy["podSelector"] == {}
    assert {*policy["policyTypes"]} == {"Ingress", "Egress"}
    assert all(rule["from"] for rule in policy["ingress"])
    assert all(rule["to"] for rule in policy["egress"])
    assert ports(policy["ingress"]) == {8000}
    assert ports(policy["egress"]) == {53, 5432, 6379}


@pytest.mark.parametrize("kind", support.KINDS, ids=support.name)
def test_compose_passes_every_setting_on_and_no_other(kind: Answers, rendered: Rendered) -> None:
    project = rendered(kind)
    parts = read_compose(project)["services"]
    # The image sets where it listens, and what it runs is production.
    passed = settings(project) - {"APP_ENV", "HOST", "PORT", "POSTGRES_PASSWORD"}
    assert {*parts["app"]["environment"]} == passed
    assert {*parts["migrate"]["environment"]} == passed


def test_kubernetes_settings_exist(project: Path, manifests: list[dict[str, Any]]) -> None:
    (made,) = of(manifests, "ConfigMap")
    assert made["data"].keys() <= settings(project) - {"POSTGRES_PASSWORD"}


@pytest.mark.parametrize("kind", support.KINDS, ids=support.name)
def test_the_page_names_every_secret_that_kubernetes_needs(
    kind: Answers, rendered: Rendered
) -> None:
    project = rendered(kind)
    page = project / "docs" / "how-to" / "deploy-kubernetes.md"
    steps = page.read_text("utf-8").partition("```")[0]
    only_where_named = {*re.findall(r"`([A-Z_]+)` where `\.env\.example` names it", steps)}
    listed = {*re.findall(r"`([A-Z_]+)`", steps)} - (only_where_named - settings(project))
    secrets = {*filter(SECRET.search, settings(project))} - {"POSTGRES_PASSWORD"}
    assert listed == secrets | {"DATABASE_URL", "REDIS_URL"}


@pytest.mark.parametrize("kind", support.KINDS, ids=support.name)
def test_env_example_names_every_setting_of_the_app(kind: Answers, rendered: Rendered) -> None:
    project = rendered(kind)
    read = support.python("-c", READ_SETTINGS, cwd=project).upper().split()
    known = ({*read} - {"FLASK_DEBUG"}) | GUNICORNS | {"POSTGRES_PASSWORD"}
    assert settings(project) == known


@pytest.mark.parametrize("token_type", ["session", "jwt"])
def test_a_copy_of_env_example_sets_nothing_but_what_must_be_filled_in(
    token_type: str, new_project: NewProject
) -> None:
    project = new_project(token_type=token_type)
    assert set(copied(project).values()) == {""}
    assert not {*copied(project)} & {"HOST", "PORT", "WEB_CONCURRENCY"}  # empty, too, they count
    secrets = json.loads(support.python("-c", containers.MAKE_SECRETS, cwd=project))
    needed = {**secrets, "TRUSTED_HOSTS": "www.safe.test"}
    assert {*copied(project)} == {*needed, "POSTGRES_PASSWORD"}
    alone = support.python("-c", IN_FORCE, cwd=project, **needed)
    assert support.python("-c", IN_FORCE, cwd=project, **needed, **shown(project)) == alone


def test_the_commands_of_env_example_make_secrets(new_project: NewProject) -> None:
    project = new_project(token_type="jwt")
    (project / ".venv").symlink_to(sys.prefix)
    text = (project / ".env.example").read_text("utf-8")
    commands = re.findall(r"^#   (.*python -c .*)$", text, re.MULTILINE)
    assert len(commands) == 4
    # Off the PATH, as at a desk: a python there may be another, without the packages.
    made = [support.run(*shlex.split(line), cwd=project, PATH="/nowhere") for line in commands]
    assert len({*made}) == 4
    assert min(map(len, made)) > 32


@pytest.mark.parametrize(
    "names", ["www.safe.test,safe.test", "www.safe.test, safe.test", "www.safe.test safe.test"]
)
def test_the_proxy_serves_every_name_that_the_app_trusts(
    names: str, project: Path, compose: dict[str, Any]
) -> None:
    *shell, script = proxies.caddys_command(compose, project / "deploy" / "Caddyfile")
    adapt = script.replace(" run ", " adapt ")
    config = support.run(
        *shell, adapt, cwd=project, TRUSTED_HOSTS=names, **proxies.CADDYS
    ).splitlines()[-1]
    servers = json.loads(config)["apps"]["http"]["servers"].values()
    routes = [route for server in servers for route in server["routes"]]
    # Without a match a route is for any other name.
    named = [route["match"] for route in routes if "match" in route]
    assert named == [[{"host": ["www.safe.test", "safe.test"]}]]


def test_probes_ask_what_answers_any_host(pods: list[dict[str, Any]], compose: Any) -> None:
    (app,) = [pod["containers"][0] for pod in pods if pod["containers"][0]["name"] == "app"]
    start = app["startupProbe"]
    assert start["httpGet"] == {"path": "/healthz", "port": 8000}
    assert start["periodSeconds"] * start["failureThreshold"] == 60
    assert app["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": 8000}
    assert app["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": 8000}
    parts = compose["services"]
    for service in parts.values():
        for name, wait in service.get("depends_on", {}).items():
            healthy = wait["condition"] == "service_healthy"
            assert healthy == ("healthcheck" in parts[name]), name


def test_tables_are_ready_before_the_app_starts(compose: Any, pods: list[dict[str, Any]]) -> None:
    parts = compose["services"]
    assert parts["app"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    (job,) = [pod["containers"][0] for pod in pods if pod.get("restartPolicy") == "Never"]
    assert job["command"] == parts["migrate"]["command"] == ["flask", "db", "upgrade"]


def test_a_roll_out_interrupts_nobody(
    project: Path, manifests: list[dict[str, Any]], compose: Any
) -> None:
    (deployment,) = (each["spec"] for each in of(manifests, "Deployment"))
    (budget,) = of(manifests, "PodDisruptionBudget")
    (autoscaler,) = (each["spec"] for each in of(manifests, "HorizontalPodAutoscaler"))
    # The number of pods is the autoscaler's alone: an apply would set it back.
    assert "replicas" not in deployment
    assert autoscaler["minReplicas"] > budget["spec"]["maxUnavailable"] == 1
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    longest = int(shown(project)["SHUTDOWN_DELAY"]) + GracefulTimeout.default
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] > longest
    assert int(compose["services"]["app"]["stop_grace_period"].rstrip("s")) > longest
    page = project / "docs" / "how-to" / "deploy-proxy.md"
    [unit] = [step.code for step in following.steps(page) if step.language == "ini"]
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]) > longest
    # Otherwise systemd stops the workers at once, and not after the delay.
    assert "\nKillMode=mixed\n" in unit


def test_the_autoscaler_counts_what_the_pods_request(manifests: list[dict[str, Any]]) -> None:
    (autoscaler,) = (each["spec"] for each in of(manifests, "HorizontalPodAutoscaler"))
    (deployment,) = of(manifests, "Deployment")
    assert autoscaler["scaleTargetRef"] == {
        **{name: deployment[name] for name in ("apiVersion", "kind")},
        "name": deployment["metadata"]["name"],
    }
    (app,) = deployment["spec"]["template"]["spec"]["containers"]
    (measured,) = (metric["resource"]["name"] for metric in autoscaler["metrics"])
    assert measured in app["resources"]["requests"]


def test_all_pods_together_get_the_connections_that_postgresql_allows(
    manifests: list[dict[str, Any]],
) -> None:
    (autoscaler,) = (each["spec"] for each in of(manifests, "HorizontalPodAutoscaler"))
    (settings,) = of(manifests, "ConfigMap")
    processes = autoscaler["maxReplicas"] * int(settings["data"]["WEB_CONCURRENCY"])
    pool = re.findall(r"^THREADS = (\d+)$", DATABASE.read_text("utf-8"), re.MULTILINE)
    # Three of its 100 are kept for superusers.
    assert processes * int(pool[0]) <= 97


def test_pods_are_spread_by_the_labels_that_they_have(manifests: list[dict[str, Any]]) -> None:
    (deployment,) = of(manifests, "Deployment")
    template = deployment["spec"]["template"]
    constraints = template["spec"]["topologySpreadConstraints"]
    keys = [each["topologyKey"] for each in constraints]
    assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    for each in constraints:
        assert each["labelSelector"]["matchLabels"] == template["metadata"]["labels"]


def test_each_finding_of_checkov_that_stays_has_its_reason(manifests: list[dict[str, Any]]) -> None:
    for manifest in of(manifests, "Deployment", "Job"):
        kept = manifest["metadata"]["annotations"].values()
        assert all(re.fullmatch(r"CKV_K8S_\d+=[A-Z].{20,}\.", reason) for reason in kept)


def test_kustomize_puts_each_resource_into_the_namespace_with_the_image_that_it_names(
    project: Path,
) -> None:
    support.need(shutil.which("kustomize"), "kustomize")
    text = support.run("kustomize", "build", "deploy/kubernetes", cwd=project)
    built = list(yaml.safe_load_all(text))
    for manifest in built:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    (namespace,) = of(built, "Namespace")
    others = [each["metadata"]["namespace"] for each in built if each is not namespace]
    assert set(others) == {namespace["metadata"]["name"]}
    images = re.findall(r"image: (.*)", text)
    assert images == ["registry.example.org/my-service:1"] * 2


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


def read_compose(project: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
    return read


def ways_out(compose: dict[str, Any]) -> set[str]:
    """Return the networks that lead out of the machine."""
    networks = compose["networks"].items()
    return {name for name, network in networks if not (network or {}).get("internal")}


def deployment_files(project: Path) -> list[Path]:
    files = [path for path in (project / "deploy").rglob("*") if path.is_file()]
    return [project / "Dockerfile", project / "compose.yaml", *files]


def of(manifests: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def ports(rules: list[dict[str, Any]]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}
