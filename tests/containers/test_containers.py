"""The image and compose.yaml in a real engine, by the commands of the docs.

    tests/containers/engine make test-containers

Without an engine, what the files say is checked here and in test_deploy.py.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
import yaml

import following
import support
from conftest import NewProject
from containers import containers
from containers.containers import docker
from services import clients, proxies
from services.certificates import write_certificate
from services.clients import Answer
from services.proxies import FORGED, Proxy

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The second is built with a lock file.
RENDERS = [{"token_type": "jwt"}, {"token_type": "session"}]
NAME = "my-service"
# What an image with a broken Dockerfile or .dockerignore would hold.
PRIVATE = (
    ".env",
    ".env.production",
    "instance/secure_flask.database",
    ".git/config",
    "tests/private",
)
IN_IMAGE = {
    *("app", "gunicorn.conf.py", "migrations", "pyproject.toml", "secure_flask", "wsgi.py"),
}
# Below those that the kernel gives to clients: a service that restarts finds its port free.
HTTP, HTTPS, PLAIN = 20080, 20443, 20800
# As a proxy in front says.
OVER_HTTPS = {"Host": "localhost", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
PEAK = """
from pathlib import Path
files = ["/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"]
print(next(Path(file).read_text() for file in files if Path(file).exists()))
"""
HEALTHZ = "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz')"
MADE = re.compile(r" with password (\S+)")


@dataclass(frozen=True)
class Deployed:
    """A render on this machine, and what is secret in its settings."""

    project: Path
    secrets: list[str]

    def shell(self, command: str) -> str:
        """Run a command of the docs, for the images and the ports that are here."""
        beside = f"compose.yaml:{containers.BESIDE}"
        return support.run("sh", "-c", command, cwd=self.project, COMPOSE_FILE=beside)

    def compose(self, *arguments: str) -> str:
        return self.shell(shlex.join(["docker", "compose", *arguments]))

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()


@dataclass(frozen=True)
class Site:
    """The services of compose.yaml, with a user."""

    deployed: Deployed
    proxy: Proxy
    password: str

    @property
    def address(self) -> str:
        return f"https://localhost:{self.proxy.https}"

    def ask(self, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """Ask on a new connection; a body is sent as JSON."""
        with contextlib.closing(self.proxy.connection()) as connection:
            return clients.send(connection, path, body, headers)

    def log_in(self) -> Answer:
        return self.ask("/login", {"username": "ada", "password": self.password})


@pytest.fixture(scope="module", params=RENDERS, ids=support.name)
def deployed(request: pytest.FixtureRequest, new_project: NewProject) -> Iterator[Deployed]:
    containers.need_engine()
    project = new_project(**request.param)
    for file in PRIVATE:
        (project / file).parent.mkdir(exist_ok=True)
        (project / file).write_text("private", "utf-8")
    if request.param == RENDERS[-1]:
        # As `make lock` does; the other is built without.
        support.python("-m", "uv", "lock", "--upgrade", cwd=project)
    made = containers.fill_in(project, project / ".env.production")
    shutil.copy(project / ".env.production", project / ".env")
    containers.write_beside(project, HTTP, HTTPS)
    deployed = Deployed(project, [*made.values()])
    try:
        yield deployed
    finally:
        deployed.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


@pytest.fixture(scope="module")
def image(deployed: Deployed) -> str:
    """Build the image as docs/how-to/deploy.md says."""
    options = shlex.join(containers.build_options(deployed.project / "Dockerfile"))
    deployed.shell(page(deployed, "container", "docker build").replace("build", f"build {options}"))
    return NAME


@pytest.fixture(scope="module")
def site(deployed: Deployed, image: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Start the services and add a user as the project's docs/deploy.md says."""
    deployed.shell(page(deployed, "compose", "docker compose up"))
    made = MADE.search(deployed.shell(page(deployed, "compose", "docker compose exec app flask u")))
    assert made
    authority = tmp_path_factory.mktemp("authority") / "root.crt"
    proxy = Proxy(HTTP, HTTPS, authority)
    # The engine opens the ports of a container before Caddy runs in it.
    support.wait_until(lambda: copy_authority(deployed, authority))
    proxies.wait_for_certificate(proxy)
    return Site(deployed, proxy, made[1])


def copy_authority(deployed: Deployed, to: Path) -> bool:
    """Copy the authority of Caddy's certificates; tell whether Caddy has made it already."""
    with contextlib.suppress(AssertionError):
        deployed.compose("cp", "proxy:/data/caddy/pki/authorities/local/root.crt", str(to))
    return to.exists()


def page(deployed: Deployed, name: str, start: str) -> str:
    """Return the one command of a page that starts so, the reader's own files made before."""
    pages = {
        "compose": deployed.project / "docs" / "deploy.md",
        "container": support.TEMPLATE / "docs" / "how-to" / "deploy.md",
        "platform": support.TEMPLATE / "docs" / "how-to" / "deploy-platform.md",
        "backups": support.TEMPLATE / "docs" / "how-to" / "backups.md",
    }
    [found] = {command for command in containers.console(pages[name]) if command.startswith(start)}
    return found


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml"])
def test_each_image_is_pinned_by_digest_renewed_and_has_a_stand_in(
    file: str, new_project: NewProject
) -> None:
    project = new_project()
    named = re.findall(r'^(?:FROM| +image:) "?([^"\s]+)', (project / file).read_text("utf-8"), re.M)
    pinned = {*named} - {NAME}
    assert pinned == containers.images(project / file)
    made = {path.name.partition(".")[0] for path in containers.STAND_INS.iterdir()}
    assert {image.partition(":")[0] for image in pinned} <= made
    kind = "docker-compose" if file == "compose.yaml" else "docker"
    assert "/" in renewed(project, kind)
    # Here the template's own are renewed before those of any project.
    assert f"/{support.FOLDER.name}" in renewed(support.TEMPLATE, kind)


def renewed(folder: Path, kind: str) -> list[str]:
    """Return the folders whose files of a kind Dependabot keeps up to date."""
    read = yaml.safe_load((folder / ".github" / "dependabot.yml").read_text("utf-8"))
    updates = [update for update in read["updates"] if update["package-ecosystem"] == kind]
    return [
        path for update in updates for path in update.get("directories", [update.get("directory")])
    ]


@pytest.mark.engine
def test_the_image_holds_the_app_and_nothing_else(deployed: Deployed, image: str) -> None:
    listed = docker("run", "--rm", image, "ls", "--almost-all", "/srv").split()
    lock = {"uv.lock"} & {file.name for file in deployed.project.iterdir()}
    assert {*listed} == IN_IMAGE | lock
    found = docker("run", "--rm", image, "find", "/srv", "-name", "tests", "-o", "-name", ".*")
    assert found == ""


@pytest.mark.engine
def test_no_layer_holds_a_secret_or_what_others_may_write(
    deployed: Deployed, image: str, tmp_path: Path
) -> None:
    reported = docker("image", "inspect", image) + docker("history", "--no-trunc", image)
    assert not [secret for secret in deployed.secrets if secret in reported]
    secrets = [secret.encode() for secret in deployed.secrets]
    members, leaking = [], []
    for member, content in containers.layers(image, tmp_path):
        members.append(member)
        leaking += [member.name for secret in secrets if secret in content]
    assert leaking == []
    assert [each.name for each in members if Path(each.name).name.startswith(".env")] == []
    # The rest belongs to the base.
    own = [each for each in members if re.match(r"(\./)?(opt|srv)\b", each.name)]
    assert len(own) > 1000
    assert [each.name for each in own if each.mode & 0o022 and not each.issym()] == []
    assert [each.name for each in own if each.uid or each.gid] == []


@pytest.mark.engine
def test_without_settings_it_says_what_is_missing_and_stops(image: str) -> None:
    ran = support.run("sh", "-c", f"docker run --rm {image} 2>&1 || echo stopped", cwd=Path("/"))
    assert "SECRET_KEY: is missing" in ran
    assert "DATABASE_URL: SQLite cannot write" in ran
    assert "Traceback" not in ran
    assert ran.endswith("stopped\n")


@pytest.mark.engine
def test_it_serves_from_a_disk_that_is_read_only_and_without_rights(
    deployed: Deployed, image: str
) -> None:
    """By the commands of docs/how-to/deploy.md, on a network with a database."""
    with database(deployed) as (network, address):
        settings = f"--network {network} --env DATABASE_URL={address} --env PROXY_HOPS=1"
        migrate = page(deployed, "container", "docker run --rm")
        deployed.shell(migrate.replace("run", f"run {settings}"))
        serve = page(deployed, "container", "docker run --read-only").replace(
            ":8000:", f":{PLAIN}:"
        )
        container = deployed.shell(serve.replace("run", f"run --detach {settings}")).strip()
        try:
            support.wait_until_open(PLAIN)
            wait_for(lambda: clients.ask(PLAIN, "/readyz").status == 200, container)
            assert clients.ask(PLAIN, "/healthz").body == {"status": "ok"}
            made = MADE.search(docker("exec", container, *create_ada(deployed)))
            assert made
            login = clients.log_in(PLAIN, "ada", made[1], OVER_HTTPS)
            shown = clients.shown(login) | OVER_HTTPS
            assert clients.ask(PLAIN, "/me", headers=shown).body["username"] == "ada"
            docker("exec", container, "flask", "check", "--deploy", "--fail-level", "error")
            has_no_rights(container)
            can_take_an_upload(container)
            print(f"peak memory: {int(docker('exec', container, 'python', '-c', PEAK)) >> 20} MiB")
            docker("stop", container)
            assert docker("inspect", "--format", "{{.State.ExitCode}}", container).strip() == "0"
        finally:
            docker("rm", "--force", container)


@pytest.mark.engine
@pytest.mark.parametrize("deployed", RENDERS[:1], ids=support.name, indirect=True)
def test_it_serves_as_a_platform_runs_it(deployed: Deployed, image: str, tmp_path: Path) -> None:
    """By the commands of docs/how-to/deploy-platform.md, with URLs as platforms give them."""
    with database(deployed) as (network, address), managed_redis(deployed, tmp_path) as redis:
        stores = [
            f"DATABASE_URL={address.replace('postgresql:', 'postgres:')}",
            f"REDIS_URL={redis}",
        ]
        further = ["PROXY_HOPS=1", "WEB_CONCURRENCY=2", "SSL_CERT_FILE=/authority.crt"]
        # The authority of this Redis is known to nobody, as that of a platform's is.
        tmp_path.chmod(0o755)
        authority = f"{tmp_path}/redis.crt:/authority.crt:ro"
        settings = ["--network", network, "--volume", authority]
        settings += [part for each in [*stores, *further] for part in ("--env", each)]
        given = f"run {shlex.join(settings)}"
        deployed.shell(
            page(deployed, "platform", "docker run --rm --env-").replace("run", given, 1)
        )
        serve = page(deployed, "platform", "docker run --rm --read").replace(":8080:", f":{PLAIN}:")
        container = deployed.shell(serve.replace("run --rm", f"{given} --detach", 1)).strip()
        try:
            wait_for(lambda: clients.ready(PLAIN) == "ok", container)
            has_no_rights(container)
            can_take_an_upload(container)
            made = MADE.search(docker("exec", container, *create_ada(deployed)))
            assert made
            one = {"server 127.0.0.1:8001 fail_timeout=1s;": ""}
            with proxies.nginx(deployed.project, tmp_path, PLAIN, 0, one) as proxy:
                site = Site(deployed, proxy, made[1])
                login = site.log_in()
                assert site.ask("/me", headers=clients.shown(login)).status == 200
                guess = page(deployed, "platform", "curl --header").replace(
                    "https://www.example.org", f"--cacert {proxy.authority} {site.address}"
                )
                deployed.shell(guess)
            [failed] = [line for line in log_of(container) if "authn_login_fail" in line]
            # That of the client, as the proxy saw it, and not the one that was made up.
            assert json.loads(failed)["source_ip"] == "127.0.0.1"
        finally:
            docker("rm", "--force", container)


@pytest.mark.engine
@pytest.mark.parametrize("deployed", RENDERS[:1], ids=support.name, indirect=True)
def test_another_container_reads_the_figures(deployed: Deployed, tmp_path: Path) -> None:
    """By docs/recipes/prometheus.md, from a disk that is read-only."""
    recipe = support.PAGES / "recipes" / "prometheus.md"
    project = shutil.copytree(deployed.project, tmp_path / "project")
    following.write_files(project, recipe)
    required = (project / "pyproject.toml").read_text("utf-8")
    added = required.replace("dependencies = [", 'dependencies = ["prometheus-flask-exporter",', 1)
    (project / "pyproject.toml").write_text(added, "utf-8")
    docker("build", *containers.build_options(project / "Dockerfile"), "--tag", "figures", project)
    [options] = re.findall(r"`docker run (--tmpfs /figures.+) …`", recipe.read_text("utf-8"))
    with database(deployed) as (network, address):
        settings = ["--network", network, "--env", f"DATABASE_URL={address}"]
        settings += ["--env-file", f"{project}/.env.production"]
        command = "run --detach --network-alias app --read-only --tmpfs /tmp"
        container = docker(
            *shlex.split(command), *settings, *shlex.split(options), "figures"
        ).strip()
        read = "import urllib.request as r; print(r.urlopen('http://app:9100').read().decode())"
        asks = ("run", "--rm", "--network", network, "figures", "python", "-c", read)
        try:
            wait_for(lambda: "Listening at" in "".join(log_of(container)), container)
            docker("exec", container, "python", "-c", HEALTHZ)
            assert "\napp_free_connections 16.0\n" in docker(*asks)
            docker("restart", container)
            wait_for(lambda: "".join(log_of(container)).count("Listening at") == 2, container)
            docker("exec", container, "python", "-c", HEALTHZ)
            assert "\napp_free_connections 16.0\n" in docker(*asks)
        finally:
            docker("rm", "--force", container)


def log_of(container: str) -> list[str]:
    return support.run("sh", "-c", f"docker logs {container} 2>&1", cwd=Path("/")).splitlines()


@contextlib.contextmanager
def managed_redis(deployed: Deployed, folder: Path) -> Iterator[str]:
    """Start Redis over TLS alone, with a password; gives its URL on the network of the database."""
    certificate, key = folder / "redis.crt", folder / "redis.key"
    write_certificate(certificate, key, "redis")
    key.chmod(0o644)
    image = containers.here(containers.service_images(deployed.project)["redis"])
    command = ["run", "--detach", "--network", "tests", "--network-alias", "redis"]
    command += ["--volume", f"{folder}:/tls:ro", image, "redis-server", "--requirepass", "any"]
    command += ["--port", "0", "--tls-port", "6379", "--tls-auth-clients", "no", "--save", ""]
    files = {"cert": "redis.crt", "key": "redis.key", "ca-cert": "redis.crt"}
    options = [
        part for name, file in files.items() for part in (f"--tls-{name}-file", f"/tls/{file}")
    ]
    container = docker(*command, *options).strip()
    try:
        yield "rediss://default:any@redis:6379"
    finally:
        docker("rm", "--force", "--volumes", container)


def has_no_rights(container: str) -> None:
    """See what the kernel says of the first process, and what it may write."""
    status = docker("exec", container, "cat", "/proc/1/status")
    found = dict(re.findall(r"^(\w+):\t(\S+)", status, re.MULTILINE))
    assert found["Uid"] == found["Gid"] == "10001"
    assert found["NoNewPrivs"] == "1"
    assert {int(found[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    # It says an error of each folder that it may not even read.
    find = "find / -xdev -writable -not -type l -not -path /tmp 2>/dev/null || true"
    assert docker("exec", container, "sh", "-c", find) == ""


def can_take_an_upload(container: str) -> None:
    """See that a file of a form, which may be too large for the memory, has a place to wait."""
    write = "import tempfile; tempfile.TemporaryFile().write(b'any')"
    docker("exec", container, "python", "-c", write)


def create_ada(deployed: Deployed) -> list[str]:
    command = page(deployed, "compose", "docker compose exec app flask u")
    return shlex.split(command.partition(" app ")[2])


@contextlib.contextmanager
def database(deployed: Deployed) -> Iterator[tuple[str, str]]:
    """Start PostgreSQL on a network of its own; gives the network and the app's URL there."""
    network = docker("network", "create", "tests").strip()
    pinned = containers.service_images(deployed.project)["database"]
    script = deployed.project / "deploy" / "database.sql"
    command = ["run", "--detach", "--network", network, "--network-alias", "database"]
    command += ["--env", "POSTGRES_PASSWORD=any"]
    command += ["--volume", f"{script}:/docker-entrypoint-initdb.d/database.sql:ro"]
    container = docker(*command, "--user", "postgres", containers.here(pinned)).strip()
    asked = ["docker", "exec", container, "pg_isready", "--host=127.0.0.1", "--username=app"]
    try:
        wait_for(lambda: not subprocess.run(asked, capture_output=True).returncode, container)
        yield network, "postgresql://app:any@database/app"
    finally:
        docker("rm", "--force", "--volumes", container)
        docker("network", "rm", network)


def wait_for(condition: Callable[[], object], container: str) -> None:
    """Wait for what a container does; its log is the failure's text where it does not."""
    deadline = monotonic() + 120
    while monotonic() < deadline:
        with contextlib.suppress(OSError, HTTPException):
            if condition():
                return
        sleep(0.1)
    log = "\n".join(log_of(container))
    pytest.fail(f"waited two minutes for this container:\n{log}")


@pytest.mark.engine
def test_every_service_is_up_and_the_check_for_production_passes(
    deployed: Deployed, site: Site
) -> None:
    listed = deployed.compose("ps", "--all", "--format", "{{.Service}} {{.State}} {{.Health}}")
    states = {line.split(" ", 1)[0]: line.split(" ", 1)[1].strip() for line in listed.splitlines()}
    healthy = dict.fromkeys(("app", "database", "redis"), "running healthy")
    assert states == {**healthy, "proxy": "running", "migrate": "exited"}
    check = page(deployed, "compose", "docker compose exec app flask check")
    said = deployed.shell(f"{check} --fail-level error")
    assert "errors: 0" in said
    assert "app.access" not in said


@pytest.mark.engine
def test_curl_logs_in_through_the_proxy(site: Site, tmp_path: Path) -> None:
    support.need(shutil.which("curl"), "curl")
    jar = str(tmp_path / "cookies")
    curl = ["curl", "--silent", "--show-error", "--fail-with-body", "--http2"]
    curl += ["--cacert", str(site.proxy.authority), "--cookie", jar, "--cookie-jar", jar]
    sent = json.dumps({"username": "ada", "password": site.password})
    login = json.loads(support.run(*curl, "--json", sent, f"{site.address}/login", cwd=tmp_path))
    # That of a session is the cookie in the jar.
    shown = ("--header", f"Authorization: Bearer {login['token']}") if "token" in login else ()
    me = support.run(*curl, *shown, f"{site.address}/me", cwd=tmp_path)
    assert json.loads(me)["username"] == "ada"


@pytest.mark.engine
def test_a_backup_brings_users_back_and_no_login(deployed: Deployed, site: Site) -> None:
    login = site.log_in()
    deployed.shell(page(deployed, "backups", "docker compose exec --no-TTY database pg_dump"))
    deployed.compose("exec", "app", "flask", "user", "disable", "ada")
    assert site.log_in().status == 401
    for start in ("stop", "exec --no-TTY database pg_r", "exec --no-TTY database psql", "start"):
        deployed.shell(page(deployed, "backups", f"docker compose {start}"))
    wait_for(lambda: site.log_in().status == 200, deployed.container("app"))
    assert site.ask("/me", headers=clients.shown(login)).status == 401


@pytest.mark.engine
def test_each_day_expired_logins_go_and_the_database_is_copied(
    deployed: Deployed, site: Site, tmp_path: Path
) -> None:
    said = (deployed.project / "docs" / "deploy.md").read_text("utf-8")
    said = said.replace("/srv/app", str(deployed.project)).replace("/var/backups", str(tmp_path))
    purge, copying = re.findall(r"^ *\d+ \d+ \* \* \* root (.+)$", said, re.M)
    assert "Deleted 0 expired" in deployed.shell(purge)
    # cron reads a percent sign as the end of a line, unless it is escaped.
    deployed.shell(copying.replace(r"\%", "%"))
    [copy] = tmp_path.iterdir()
    assert copy.read_bytes().startswith(b"PGDMP")
    assert oct(copy.stat().st_mode)[-3:] == "600"


@pytest.mark.engine
def test_chromium_logs_in_through_the_proxy(site: Site, browser: Browser) -> None:
    support.wait_until(lambda: "ada" in shown_after_login(site, browser))


def shown_after_login(site: Site, browser: Browser) -> str:
    """The text of the page; empty where a container that started ended Chromium's requests."""
    # Other tests need no browser, and the import takes a while.
    from playwright.sync_api import Error

    # Its user would have to trust the authority of this one proxy.
    context = browser.new_context(ignore_https_errors=True)
    try:
        with contextlib.closing(context):
            tab = context.new_page()
            tab.goto(f"{site.address}/login")
            tab.fill("#username", "ada")
            tab.fill("#password", site.password)
            tab.press("#password", "Enter")
            tab.wait_for_url(f"{site.address}/", timeout=10_000)
            return tab.inner_text("body")
    except Error as error:
        # Where the form was on its way, only the page that Chromium shows instead says so, or
        # Chromium waits for an answer that it has lost.
        if not re.search(
            "ERR_NETWORK_CHANGED|chrome-error://|Page.wait_for_url: Timeout", error.message
        ):
            raise
        return ""


@pytest.mark.engine
def test_forged_headers_are_ignored(deployed: Deployed, site: Site) -> None:
    answer = site.ask("/login", {"username": "nobody", "password": clients.PASSWORD}, FORGED)
    # Neither a redirect to https, as to one who came over http, nor an unknown host.
    assert answer.status == 401
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert "strict-transport-security" in headers
    assert headers["x-request-id"] != FORGED["X-Request-ID"]
    log = log_of(deployed.container("app"))
    lines = [line for line in log if headers["x-request-id"] in line]
    reported = [json.loads(line) for line in lines if "source_ip" in line]
    assert reported
    # An engine passes a client of its own machine on by the address of the network's gateway.
    assert {line["source_ip"] for line in reported} == {gateway(deployed)}


def gateway(deployed: Deployed) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}"
    return docker("inspect", "--format", form, deployed.container("proxy")).split()[0]


@pytest.mark.engine
def test_http_leads_to_https_and_an_unknown_host_nowhere(site: Site) -> None:
    here = f"http://127.0.0.1:{site.proxy.http}"
    curl = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
    ask = (*curl, "--header", "Host: evil.example", here)
    assert support.run(*ask, cwd=Path("/")) == "421"
    led = (*curl, "--header", "Host: localhost", here)
    assert support.run(*led, cwd=Path("/")) == "308"


# What clients may see while a service is away; what else they see is a failure.
AWAY = {
    "redis": {"200"},
    "database": {"200", "503"},
    # The proxy waits for it, as long as deploy/Caddyfile says.
    "app": {"200", "502 after half a minute"},
    "proxy": {"200", "no answer"},
}


@pytest.mark.engine
@pytest.mark.parametrize("deployed", RENDERS[:1], ids=support.name, indirect=True)
@pytest.mark.parametrize("service", AWAY)
def test_a_service_that_crashes_comes_back_and_no_login_is_lost(
    service: str, deployed: Deployed, site: Site, image: str
) -> None:
    login = site.log_in()
    container = deployed.container(service)
    began = started(container)
    with asking(site, login) as crowd:
        crowd.wait_for_good()
        containers.crash(container, image)
        wait_for(lambda: started(container) != began and is_up(container), container)
        crowd.wait_for_good()
    print(f"{service}: {dict(crowd.seen)}, longest wait {crowd.longest:.1f} s")
    assert crowd.seen.keys() <= AWAY[service], crowd.seen
    assert site.ask("/me", headers=clients.shown(login)).status == 200
    assert site.log_in().status == 200


def started(container: str) -> str:
    return docker("inspect", "--format", "{{.State.StartedAt}}", container)


def is_up(container: str) -> bool:
    state = json.loads(docker("inspect", "--format", "{{json .State}}", container))
    health = state.get("Health", {"Status": "healthy"})["Status"]
    return bool(state["Running"]) and health == "healthy"


@pytest.mark.engine
@pytest.mark.parametrize("deployed", RENDERS[:1], ids=support.name, indirect=True)
def test_a_release_refuses_no_request(deployed: Deployed, site: Site) -> None:
    login = site.log_in()
    policy = deployed.project / "app" / "policy.py"
    text = policy.read_text("utf-8")
    policy.write_text(f'{text}\nPROJECT_NAME = "Released"\n', "utf-8")
    with asking(site, login, TASK) as crowd:
        crowd.wait_for_good()
        deployed.shell(page(deployed, "compose", "make release"))
        crowd.wait_for_good()
    print(f"release: {dict(crowd.seen)}, longest wait {crowd.longest:.1f} s")
    assert "Released" in site.ask("/", headers=clients.shown(login)).text
    assert crowd.seen.keys() == {"200", "201"}


TASK = {"title": "any"}


@dataclass
class Crowd:
    """Clients that ask until they are asked to stop, and what they see."""

    site: Site
    headers: dict[str, str]
    stop: Event = field(default_factory=Event)
    seen: Counter[str] = field(default_factory=Counter)
    longest: float = 0

    def go_on(self, path: str, body: object) -> None:
        while not self.stop.is_set():
            start = monotonic()
            try:
                seen = named(self.site.ask(path, body, self.headers))
            except (OSError, HTTPException):
                seen = "no answer"
            waited = monotonic() - start
            self.seen[
                f"{seen} after half a minute" if seen == "502" and waited > 29.9 else seen
            ] += 1
            self.longest = max(self.longest, waited)
            self.stop.wait(0.02)

    def wait_for_good(self) -> None:
        """Wait until some more requests have been answered."""
        good, deadline = self.seen["200"] + 20, monotonic() + 120
        while self.seen["200"] < good:
            assert monotonic() < deadline, self.seen
            sleep(0.05)


def named(answer: Answer) -> str:
    """Return what a client makes of an answer."""
    wrong = answer.status == 503 and not answer.unavailable
    return "503 that does not say when to come back" if wrong else str(answer.status)


@contextlib.contextmanager
def asking(site: Site, login: Answer, task: object = None) -> Iterator[Crowd]:
    """Ask by two clients who they are, and where a task is given, write it by two more."""
    crowd = Crowd(site, clients.shown(login))
    asks = [("/me", None)] * 2 + [("/api/tasks", task)] * 2 * (task is not None)
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(crowd.go_on, *ask) for ask in asks]
        try:
            yield crowd
        finally:
            crowd.stop.set()
    for each in asked:
        each.result()
