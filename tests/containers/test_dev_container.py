"""The dev container: what its file says, and in a container engine what it makes.

tests/containers/engine make test-containers
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import support
from conftest import NewProject, Rendered
from containers import containers
from containers.containers import docker

DEV = ".devcontainer"
# Waits for the server, which ends with the container.
SERVE = """
make run PORT=20800 &
until (: < /dev/tcp/localhost/20800) 2> /dev/null; do kill -0 $!; sleep 0.1; done
python3 -c 'import urllib.request as r; r.urlopen("http://localhost:20800/healthz")'
kill %1
"""


def dev_container(project: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((project / DEV / "devcontainer.json").read_text("utf-8"))
    return read


def test_the_dev_container_is_the_image_of_production(rendered: Rendered) -> None:
    project = rendered({})
    assert [path.name for path in (project / DEV).iterdir()] == ["devcontainer.json"]
    assert {dev_container(project)["image"]} == containers.images(project / "Dockerfile")


def test_the_dev_container_forwards_the_port_and_knows_no_secret(rendered: Rendered) -> None:
    project = rendered({})
    settings = dev_container(project)
    shown = support.run("make", "--dry-run", "run", cwd=project)
    assert [f"FLASK_RUN_PORT={port} " in shown for port in settings["forwardPorts"]] == [True]
    assert [*settings["portsAttributes"]] == [str(port) for port in settings["forwardPorts"]]
    assert not {"containerEnv", "remoteEnv", "runArgs", "mounts"} & settings.keys()
    # Its last command is one that people without it type.
    targets = settings["postCreateCommand"].rpartition("&& make ")[2].split()
    assert targets
    assert not [target for target in targets if f"\n{target}:" not in makefile(project)]


def makefile(project: Path) -> str:
    return (project / "Makefile").read_text("utf-8")


@pytest.mark.engine
def test_the_dev_container_makes_what_it_needs_and_serves(new_project: NewProject) -> None:
    containers.need_engine()
    project = new_project()
    settings = dev_container(project)
    image = containers.here(settings["image"])
    container = docker("run", "--detach", *containers.BUILD, image, "sleep", "infinity").strip()
    try:
        inside = ("exec", "--workdir", "/workspace", container, "bash", "-euxc")
        docker("cp", f"{project}/.", f"{container}:/workspace")
        made = "test -x .venv/bin/flask && test -s .env"
        docker(*inside, f"{settings['postCreateCommand']} && {made}")
        docker(*inside, SERVE)
        docker(*inside, "make test")
    finally:
        docker("rm", "--force", container)
