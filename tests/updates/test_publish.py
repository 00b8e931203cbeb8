"""`make publish`: from this repository to a release that a project of another machine takes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import support
from answers.replaying import replay
from updates import releases
from updates.releases import Repository

VERSION: str = support.SETTINGS["_version"]
ORG = "Acme-Harbour"
# What stands in each address until a name is written there.
MARK = "YOUR_ORG"
MARKS = [
    "CONTRIBUTING.md",
    "docs/how-to/fork.md",
    "tests/updates/test_publish.py",
    "tests/updates/test_release.py",
    "tools/publish.py",
    "tools/release-notes",
]
ADDRESS = f"https://github.com/{ORG}/cookiecutter-secure-flask"


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a publisher has: a repository without a name, with the entry of its first release."""
    clone = support.copy_template(tmp_path_factory.mktemp("unnamed") / "clone")
    take_name_away(clone)
    releases.substitute(clone / "CHANGELOG.md", rf"^## \[{re.escape(VERSION)}\].*", "## [0.0.1] -")
    entry = f"## [{VERSION}] - not released\n\n- First.\n\n"
    releases.substitute(clone / "CHANGELOG.md", r"^(?=## \[\d)", entry)
    support.init_git(clone)
    return clone


@pytest.fixture
def clone(unnamed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(unnamed, tmp_path / "clone", symlinks=True)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with the key that signs; the one to be kept offline is not made yet."""
    folder = tmp_path / "keys"
    folder.mkdir()
    releases.new_key(folder, "cookiecutter-secure-flask-release")
    return folder


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository of this machine that git finds at the address of GitHub."""
    repository = tmp_path / "github.git"
    support.run("git", "init", "--quiet", "--bare", "-b", "main", repository, cwd=tmp_path)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[user]\nname = Someone\nemail = someone@example.com\n[url "{repository.as_uri()}"]\n'
        f"insteadOf = {ADDRESS}.git\ninsteadOf = {ADDRESS}\n",
        "utf-8",
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    return repository


def take_name_away(clone: Path) -> None:
    """These tests run in a template that was published, too."""
    [name] = re.findall(r"github\.com/([^/]+)", support.SETTINGS["_source"])
    for file in filter(Path.is_file, clone.rglob("*")):
        content = file.read_bytes()
        for address in (f"{name}/cookiecutter-secure-flask", f"{name}.github.io"):
            content = content.replace(address.encode(), address.replace(name, MARK).encode())
        file.write_bytes(content)
    signers = clone / support.FOLDER.name / "secure_flask" / "SIGNERS"
    lines = signers.read_text("utf-8").splitlines(keepends=True)
    signers.write_text("".join(line for line in lines if line.startswith("#")), "utf-8")


def publish(clone: Path, keys: Path, org: str = ORG) -> subprocess.CompletedProcess[str]:
    """Publish with an empty passphrase, typed twice for each key that is made."""
    return subprocess.run(
        [sys.executable, "-m", "tools.publish", org, "--keys", keys],
        cwd=clone,
        input="\n" * 4,
        capture_output=True,
        encoding="utf-8",
        start_new_session=True,
    )


def changes(clone: Path) -> str:
    return support.run("git", "status", "--porcelain", cwd=clone)


@pytest.mark.all
def test_the_four_commands_publish_what_projects_are_made_from_and_updated_by(
    clone: Path, keys: Path, github: Path, tmp_path: Path
) -> None:
    said = publish(clone, keys)
    commands = re.findall(r"^    (git .+)$", said.stdout, re.MULTILINE)
    assert len(commands) == 4, said.stderr
    for command in commands:
        support.run(*shlex.split(command), cwd=clone)

    template = f"gh:{ORG}/cookiecutter-secure-flask"
    options = (template, "--no-input", "--checkout", f"v{VERSION}")
    project = replay(tmp_path / "render" / "out", *options).project
    assert f'source = "{ADDRESS}"' in (project / "pyproject.toml").read_text("utf-8")

    support.init_git(project)
    published = Repository(clone, keys / "cookiecutter-secure-flask-release")
    major, minor, patch = VERSION.split(".")
    newer = f"{major}.{minor}.{int(patch) + 1}"
    releases.release(published, newer, {"secure_flask/web/framing.py": "# Newer.\n"})
    releases.update(project, published, f"v{newer}")
    assert (project / "secure_flask/web/framing.py").read_text("utf-8") == "# Newer.\n"


def test_the_commands_quote_a_folder_of_keys(clone: Path, keys: Path) -> None:
    folder = keys.rename(keys.with_name("my keys"))
    said = publish(clone, folder).stdout
    [tag] = re.findall(r"^    (git -c .+)$", said, re.MULTILINE)
    assert f"user.signingKey={folder}/cookiecutter-secure-flask-release" in shlex.split(tag)


def test_every_address_that_a_user_sees_gets_the_name(clone: Path, keys: Path) -> None:
    assert publish(clone, keys).returncode == 0
    questions = (clone / "cookiecutter.json").read_text("utf-8")
    assert f'"_source": "{ADDRESS}"' in questions
    assert f'"_site": "https://{ORG}.github.io/cookiecutter-secure-flask/"' in questions
    pages = ("README.md", "docs/index.md", "docs/tutorial.md")
    named = f"gh:{ORG}/cookiecutter-secure-flask"
    assert [page for page in pages if named not in (clone / page).read_text("utf-8")] == []
    # These speak of the mark itself.
    left = support.run("git", "grep", "--name-only", "--fixed-strings", MARK, cwd=clone).split()
    assert left == MARKS


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/tutorial.md"])
def test_a_shell_reads_no_redirect_in_a_command_that_has_no_name_yet(page: str) -> None:
    lines = (support.TEMPLATE / page).read_text("utf-8").splitlines()
    commands = [line for line in lines if line.startswith(("git clone ", "$ uvx "))]
    assert commands
    assert [line for line in commands if re.search("[<>]", line)] == []


def test_the_keys_are_listed_the_second_is_made_and_the_manifest_agrees(
    clone: Path, keys: Path
) -> None:
    publish(clone, keys)
    core = clone / support.FOLDER.name / "secure_flask"
    listed = [line for line in (core / "SIGNERS").read_text().splitlines() if line[0] != "#"]
    names = ("cookiecutter-secure-flask-release.pub", "cookiecutter-secure-flask-offline.pub")
    made = [" ".join((keys / name).read_text().split()[:2]) for name in names]
    assert [line.partition('namespaces="git" ')[2] for line in listed] == made
    support.python("-m", "tools.manifest", "--check", cwd=clone)


def test_a_version_without_an_entry_is_refused_and_every_file_stays(
    clone: Path, keys: Path
) -> None:
    releases.substitute(clone / "CHANGELOG.md", r"^## \[.+\] - not released$", "## Unreleased")
    support.commit(clone)
    refused = publish(clone, keys)
    assert (refused.returncode, refused.stdout.count("git push")) == (1, 0)
    assert "no dated entry" in refused.stderr
    assert changes(clone) == ""


def test_uncommitted_changes_are_refused(clone: Path, keys: Path) -> None:
    (clone / "README.md").write_text("Mine.\n", "utf-8")
    assert "commit them first" in publish(clone, keys).stderr
    assert changes(clone).split() == ["M", "README.md"]


def test_keys_of_somebody_else_are_not_replaced(clone: Path, keys: Path) -> None:
    signers = clone / support.FOLDER.name / "secure_flask" / "SIGNERS"
    theirs = 'release@example.org namespaces="git" ssh-ed25519 AAAA\n'
    signers.write_text(signers.read_text("utf-8") + theirs, "utf-8")
    support.commit(clone)
    assert "lists other keys" in publish(clone, keys).stderr
    assert changes(clone) == ""


@pytest.mark.parametrize("org", ["", "two words", "-acme", "acme--x", "a/b", "$(id)", MARK])
def test_what_is_no_name_on_github_is_refused_before_anything_else(org: str) -> None:
    """So this one runs in the template itself. Nobody can take the mark as their name either."""
    command = (sys.executable, "-m", "tools.publish", f"--keys={support.TEMPLATE}", "--", org)
    refused = subprocess.run(command, cwd=support.TEMPLATE, capture_output=True, encoding="utf-8")
    assert refused.returncode == 2
    assert f"{org!r} is no name on GitHub" in refused.stderr
