"""The dev container: what its file says, and in a container engine what it makes.

.ci/engine make test-containers
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import containers
import support
from conftest import NewProject
from containers import docker

DEV = ".devcontainer"
NAME = "my-service-dev"
HADOLINT = Path(sys.executable).with_name("hadolint")
# Waits for the server, which ends with the container.
SERVE = """
make run PORT=20800 &
until (: < /dev/tcp/localhost/20800) 2> /dev/null; do kill -0 $!; sleep 0.1; done
python3 -c 'import urllib.request as r; r.urlopen("http://localhost:20800/healthz")'
kill %1
"""
BROWSE = ".venv/bin/uv sync --all-groups"
BROWSE += " && REQUIRE_SERVICES=1 .venv/bin/python -m pytest tests/browser/test_framing.py"


def dev_container(project: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((project / DEV / "devcontainer.json").read_text("utf-8"))
    return read


def test_the_dev_container_is_built_from_the_image_of_production(new_project: NewProject) -> None:
    project = new_project()
    made = project / DEV / dev_container(project)["build"]["dockerfile"]
    assert containers.images(made) == containers.images(project / "Dockerfile")
    support.run(HADOLINT, made, cwd=project)


def test_the_dev_container_forwards_the_port_and_knows_no_secret(new_project: NewProject) -> None:
    project = new_project()
    settings = dev_container(project)
    shown = support.run("make", "--dry-run", "run", cwd=project)
    assert [f"--port {port}" in shown for port in settings["forwardPorts"]] == [True]
    assert [*settings["portsAttributes"]] == [str(port) for port in settings["forwardPorts"]]
    assert not {"containerEnv", "remoteEnv", "runArgs", "mounts"} & settings.keys()
    made = (project / DEV / "Dockerfile").read_text("utf-8")
    assert re.findall(r"^RUN useradd .* (\w+)$", made, re.MULTILINE) == [settings["remoteUser"]]
    # Each of its commands is one that people without it type.
    targets = settings["postCreateCommand"].removeprefix("make ").split()
    assert not [target for target in targets if f"\n{target}:" not in makefile(project)]


def makefile(project: Path) -> str:
    return (project / "Makefile").read_text("utf-8")


@pytest.mark.engine
def test_the_dev_container_makes_what_it_needs_and_serves(new_project: NewProject) -> None:
    containers.need_engine()
    project = new_project(accounts="flask-security")
    settings = dev_container(project)
    options = containers.build_options(project / DEV / "Dockerfile")
    docker("build", *options, "--tag", NAME, project / DEV)
    # A user of the machine owns the folder there; an editor gives the container's the same number.
    container = docker("run", "--detach", *containers.BUILD, NAME, "sleep", "infinity")
    container = container.strip()
    try:
        user = ("--user", settings["remoteUser"])
        inside = ("exec", *user, "--workdir", "/workspace", container, "bash", "-euxc")
        docker("cp", f"{project}/.", f"{container}:/workspace")
        docker(
            "exec", "--user", "0", container, "chown", "-R", settings["remoteUser"], "/workspace"
        )
        docker(
            *inside, f"{settings['postCreateCommand']} && test -x .venv/bin/flask && test -s .env"
        )
        docker(*inside, SERVE)
        docker(*inside, BROWSE)
    finally:
        docker("rm", "--force", container)
