"""A rendered project's images and services in a container engine, as its docs start them.

`CONTAINERS` says which images there are: `real` ones, of a registry, or `stand-ins`, which
`tests/containers/engine` makes. The project's files stay as they are: what differs stands in a file beside them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from secure_flask.settings.__main__ import fresh_secrets

import following
import support

STAND_INS = Path(__file__).parent / "stand-ins"
WHICH = os.environ.get("CONTAINERS")
# Options by which a build reaches the package registries.
BUILD = shlex.split(os.environ.get("CONTAINER_BUILD", ""))
PINNED = re.compile(r"([a-z]+):[\w.-]+@sha256:[0-9a-f]{64}")
COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)
# compose.yaml beside this file, with which the docs' commands take these images and ports.
BESIDE = "compose.tests.yaml"


def need_engine() -> None:
    """Skip where nobody says that there is an engine: its tests take ports and a while."""
    if WHICH not in ("real", "stand-ins"):
        pytest.skip("needs a container engine: `tests/containers/engine make test-containers`")


def docker(*arguments: str | Path, cwd: Path = Path("/"), **environment: str) -> str:
    try:
        return support.run("docker", *arguments, cwd=cwd, **environment)
    except AssertionError as failed:
        # Now and then the engine loses a process of `docker exec` before the command begins.
        if "read init-p: connection reset by peer" not in str(failed):
            raise
        return support.run("docker", *arguments, cwd=cwd, **environment)


def images(file: Path) -> set[str]:
    """Return the images of a registry that a file names."""
    return {found[0] for found in PINNED.finditer(file.read_text("utf-8"))}


def here(image: str) -> str:
    """Return what stands for an image here."""
    return f"stand-in/{image.partition(':')[0]}" if WHICH == "stand-ins" else image


def build_options(dockerfile: Path) -> list[str]:
    """Return the options by which a Dockerfile is built from the images that are here."""
    options = [*BUILD]
    for image in images(dockerfile) if WHICH == "stand-ins" else ():
        options += ["--build-context", f"{image}=docker-image://{here(image)}"]
    return options


def console(page: Path) -> list[str]:
    """Return the commands of a page's `console` blocks."""
    blocks = [step.code for step in following.steps(page) if step.language == "console"]
    return [command for block in blocks for command in COMMAND.findall(block)]


def fill_in(project: Path, file: Path, **given: str) -> dict[str, str]:
    """Fill in a copy of .env.example as its comments say; gives what is secret."""
    made = {**fresh_secrets(), "POSTGRES_PASSWORD": secrets.token_hex(32)}
    # For both of them Caddy is its own authority.
    values = {**made, "TRUSTED_HOSTS": "www.safe.internal,localhost", **given}
    lines = (project / ".env.example").read_text("utf-8")
    filled = re.sub(r"^(\w+)=$", lambda name: f"{name[1]}={values[name[1]]}", lines, flags=re.M)
    named = {*re.findall(r"^(\w+)=", lines, re.MULTILINE)}
    further = "".join(f"{name}={value}\n" for name, value in given.items() if name not in named)
    file.write_text(filled + further, "utf-8")
    return made


def write_beside(project: Path, http: int, https: int) -> None:
    """Write what replaces parts of compose.yaml here: images, the network of a build, free ports."""
    options = build_options(project / "Dockerfile")
    pairs = list(zip(options[::2], options[1::2], strict=True))
    build = {
        "network": next((value for name, value in pairs if name == "--network"), "default"),
        "extra_hosts": [value for name, value in pairs if name == "--add-host"],
        "additional_contexts": [value for name, value in pairs if name == "--build-context"],
    }
    services: dict[str, Any] = {
        name: {"build": build} if name in ("app", "migrate") else {"image": here(image)}
        for name, image in service_images(project).items()
    }
    services["proxy"]["ports"] = [f"127.0.0.1:{http}:8080", f"127.0.0.1:{https}:8443"]
    # JSON is YAML, but for the tag that has the ports replaced and not added.
    text = json.dumps({"services": services}, indent=2).replace('"ports": ', '"ports": !override ')
    (project / BESIDE).write_text(text, "utf-8")


def service_images(project: Path) -> dict[str, str]:
    """Return the image of each service that compose.yaml names."""
    parts = (project / "compose.yaml").read_text("utf-8").partition("\nservices:\n")[2]
    names = re.findall(r"^  (\w+):$", parts.partition("\nnetworks:\n")[0], re.MULTILINE)
    sections = re.split(r"^  \w+:$", parts, flags=re.MULTILINE)[1:]
    found = ((name, PINNED.search(text)) for name, text in zip(names, sections, strict=False))
    return {name: image[0] if image else "" for name, image in found}


def layers(image: str, folder: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Return the files in each layer of an image, and what they hold."""
    archive = folder / "image.tar"
    docker("save", "--output", archive, image)
    with tarfile.open(archive) as saved:
        [manifest] = json.load(open_member(saved, "manifest.json"))
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=open_member(saved, name)) as layer:
                for member in layer:
                    content = layer.extractfile(member) if member.isfile() else None
                    yield member, content.read() if content else b""


def open_member(saved: tarfile.TarFile, name: str) -> Any:
    member = saved.extractfile(name)
    assert member, name
    return member


def crash(container: str, helper: str) -> None:
    """End a container's first process as a crash does: the engine restarts what it did not stop."""
    process = docker("inspect", "--format", "{{.State.Pid}}", container).strip()
    rights = ("--rm", "--privileged", "--pid", "host", "--user", "0")
    docker("run", *rights, helper, "python", "-c", f"import os; os.kill({process}, 9)")
