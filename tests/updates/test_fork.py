"""docs/how-to/fork.md followed: a project of upstream moves to a fork, whose keys alone count then."""

from __future__ import annotations

import os
import re
import subprocess
from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from secure_flask.update import Template

import support
from updates import releases
from updates.releases import Repository, signer
from updates.test_update_page import COMMAND, create, follow

PAGE = (support.PAGES / "how-to" / "fork.md").read_text("utf-8")
SIGNERS = "secure_flask/SIGNERS"


@pytest.fixture
def upstream(tmp_path: Path) -> Repository:
    return releases.first_release(tmp_path / "upstream")


@pytest.fixture
def fork(upstream: Repository, tmp_path: Path) -> Repository:
    """A copy with one release, which only its own keys sign."""
    path, keys = tmp_path / "template", tmp_path / "keys"
    keys.mkdir()
    support.run("git", "clone", "--quiet", upstream.path, path, cwd=tmp_path)
    fork, offline = Repository(path, releases.new_key(keys)), releases.new_key(keys, "offline")
    releases.substitute(path / releases.PROJECT / "app/login.py", "your username", "your name")
    releases.release(fork, "0.1.100", {SIGNERS: signer(fork.key) + signer(offline)})
    return fork


def commands(section: str) -> str:
    """Return what a section of the page says to type, with the folder for the address."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n##")[0]
    lines = "\n".join(COMMAND.findall(re.sub(r" \\\n +", " ", text)))
    lines = lines.replace("https://git.example.com/platform/template", "../template")
    # What pyproject.toml asks for is installed: only the address in it has changed.
    lines = lines.replace("make test", "touch .venv/ready && make test")
    return lines.replace("update.py", "update.py --from=../template")


@pytest.mark.weekly
@pytest.mark.slow
def test_a_project_moves_and_takes_only_what_the_fork_signed(
    upstream: Repository, fork: Repository, tmp_path: Path
) -> None:
    project = create(upstream, tmp_path)
    follow(project, commands("Move a project"))
    assert (project / "secure_flask/VERSION").read_text("utf-8") == "0.1.100\n"
    check = ("-m", "flask", "check", "--fail-level=never")
    assert "core.edited" not in support.python(*check, cwd=project)
    cruft = ("-m", "cruft", "update", "--skip-apply-ask", "--checkout", "v0.1.100")
    support.python(*cruft, cwd=project)
    assert "your name" in (project / "app/login.py").read_text("utf-8")
    support.commit(project)

    releases.release(fork, "0.1.101", {})
    releases.release(Repository(fork.path, upstream.key), "0.1.102", {})
    said = releases.update(project, fork)
    assert "v0.1.102 is not signed by a key of secure_flask/SIGNERS." in said
    assert (project / "secure_flask/VERSION").read_text("utf-8") == "0.1.101\n"


@pytest.mark.weekly
@pytest.mark.slow
def test_a_release_of_upstream_is_verified_and_its_tag_is_no_tag_of_the_fork(
    upstream: Repository, fork: Repository
) -> None:
    releases.release(upstream, "0.1.1", {})
    fork.git("remote", "add", "upstream", str(upstream.path))
    releases.write(fork.path, {".ci/upstream-signers": signer(upstream.key)})
    follow(fork.path, commands("Take a release of upstream"))
    assert fork.git("tag").split() == ["v0.1.0", "v0.1.100"]
    releases.write(fork.path, {".ci/upstream-signers": signer(fork.key)})
    with pytest.raises(AssertionError, match="verify-tag"):
        follow(fork.path, commands("Take a release of upstream"))


def test_the_step_of_the_page_gives_the_update_a_token_for_one_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    [block] = re.findall(r"^```yaml\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [step] = yaml.safe_load(block)
    assert list(step["env"]) == ["TEMPLATE_TOKEN"]
    support.run("bash", "-ec", step["run"], cwd=tmp_path, TEMPLATE_TOKEN="a token")
    (tmp_path / "fetched").mkdir()
    template = Template(str(tmp_path / "fetched"), Namespace(clone=str(tmp_path), unsigned=False))
    try:
        assert "password=a token\n" in filled(template, "git.example.com")
        assert "password" not in filled(template, "evil.example.com")
    finally:
        support.run("git", "credential-cache", "exit", cwd=tmp_path)


def filled(template: Template, host: str) -> str:
    """What git knows of a host where the update runs it."""
    return subprocess.run(
        ["git", "credential", "fill"],
        input=f"protocol=https\nhost={host}\n\n",
        cwd=template.folder,
        env=template.environment | {"GIT_ASKPASS": os.devnull},
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
