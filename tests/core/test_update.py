"""`python secure_flask/update.py`: a fix arrives whole and signed, and nothing else arrives."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from secure_flask import update

import releases
import support
from releases import Changes, new_key, signer, write

FOLDER = "{{cookiecutter.project_slug}}/secure_flask"
CHANGELOG = "# Changelog\n\n## 1.1.0\n\n- Fixed.\x1b[2J\n\n## 1.0.0\n\n- Begun.\n"
FIRST = '"""Users."""\n\nrevision = "0001_users"\ndown_revision = None\n'
SECOND = '"""More."""\n\nrevision = "0002_more"\ndown_revision = "0001_users"\n'
OWN = '"""Tasks."""\n\nrevision = "0002_tasks"\ndown_revision = "0001_users"\n'
AFTER = '"""Own."""\n\nrevision = "0003_own"\ndown_revision = "0002_tasks"\n'
# As `flask db merge` writes it, and a formatter breaks it.
MERGED = """revision: str = '0003_own'
down_revision: Union[str, None] = (
    '0002_tasks',
    '0002_notes',
)
"""
CORE = {
    "__init__.py": 'VERSION = "1.0.0"\n',
    "web/csp.py": "STRICT = 1\n",
    "web/old.py": "",
    "accounts/mail.py": "",
    "DEPENDENCIES": "flask>=3.1\n",
    "migrations/0001_users.py": FIRST,
}
# What the next release changes.
NEXT = {"web/csp.py": "STRICT = 2\n", "web/new.py": "", "web/old.py": None}

Release = Callable[..., None]


class Repository(releases.Repository):
    """A repository of git, with a key that signs its tags."""

    def commit(self, message: str = "Change") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def tag(self, name: str, *, signed: bool = True) -> None:
        self.git("tag", "--sign" if signed else "--annotate", "--message", name, name)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The template with the releases v1.0.0 and v1.1.0."""
    folder = tmp_path_factory.mktemp("released")
    repository = Repository(folder / "template", new_key(folder))
    repository.path.mkdir()
    repository.git("init", "--quiet")
    write(repository.path, {"CHANGELOG.md": CHANGELOG})
    core = {**CORE, "SIGNERS": signer(repository.key), "update.py": source()}
    release(repository, "1.0.0", core)
    release(repository, "1.1.0", NEXT)
    return repository


@pytest.fixture
def template(released: Repository, tmp_path: Path) -> Repository:
    return Repository(shutil.copytree(released.path, tmp_path / "template"), released.key)


def source() -> str:
    return Path(update.__file__).read_text("utf-8")


def release(repository: Repository, version: str, files: Changes) -> None:
    folder = repository.path / FOLDER
    write(folder, {**files, "VERSION": f"{version}\n"})
    (folder / "MANIFEST").write_text(update.manifest(folder))
    repository.commit()
    repository.tag(f"v{version}")


@pytest.fixture
def project(tmp_path: Path, template: Repository) -> Repository:
    """A project that was rendered from v1.0.0, without accounts, with a migration of the owner's."""
    repository = Repository(tmp_path / "project", template.key)
    path = repository.path
    git(template.path, "checkout", "--quiet", "v1.0.0")
    shutil.copytree(template.path / FOLDER, path / "secure_flask")
    git(template.path, "checkout", "--quiet", "-")
    shutil.rmtree(path / "secure_flask" / "accounts")
    versions = {"0001_users.py": FIRST, "0002_tasks.py": OWN}
    write(path / "migrations" / "versions", versions)
    write(path, {"pyproject.toml": ""})
    repository.git("init", "--quiet")
    repository.commit()
    return repository


def run(
    project: Repository, template: Repository | None, *arguments: str, **environment: str
) -> tuple[int, str]:
    """The exit status of the update, and what it said."""
    clone = [f"--from={template.path}"] if template else []
    done = subprocess.run(
        [sys.executable, "-B", "secure_flask/update.py", *clone, *arguments],
        cwd=project.path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def core(project: Repository) -> Path:
    return project.path / "secure_flask"


def assert_refused(
    project: Repository, template: Repository | None, words: str, *arguments: str, **values: str
) -> None:
    before = git(project.path, "status", "--porcelain"), update.manifest(core(project))
    status, said = run(project, template, *arguments, **values)
    assert (status, words in said) == (2, True), said
    assert (git(project.path, "status", "--porcelain"), update.manifest(core(project))) == before


def test_a_release_replaces_the_folder_whole(project: Repository, template: Repository) -> None:
    assert run(project, template)[0] == 0
    assert update.find_edits(core(project)) == []
    assert (core(project) / "web/csp.py").read_text() == "STRICT = 2\n"
    assert (core(project) / "web/new.py").exists()
    assert not (core(project) / "web/old.py").exists()
    # The project did not choose them.
    assert not (core(project) / "accounts").exists()
    assert (core(project) / "VERSION").read_text() == "1.1.0\n"


def test_accounts_are_updated_where_the_project_has_them(
    project: Repository, template: Repository
) -> None:
    write(core(project), {"accounts/mail.py": ""})
    project.commit()
    release(template, "1.2.0", {"accounts/mail.py": "FIXED = 1\n"})
    assert run(project, template)[0] == 0
    assert (core(project) / "accounts/mail.py").read_text() == "FIXED = 1\n"


def test_it_says_what_changed_and_nothing_that_a_terminal_obeys(
    project: Repository, template: Repository
) -> None:
    another = new_key(template.path.parent, "another")
    signers = signer(template.key) + signer(another)
    needed = "flask>=3.2\nnew>=1\nmailer>=2 optional\n"
    release(template, "1.2.0", {"DEPENDENCIES": needed, "SIGNERS": signers})
    _, said = run(project, template)
    assert "- Fixed.[2J" in said
    assert "- Begun." not in said
    assert "Next:\n  .venv/bin/uv add 'flask>=3.2' 'new>=1'\n" in said
    assert f"A key that signs releases is new: {signer(another).strip()}" in said
    assert "secure_flask/web/csp.py" in said
    assert "secure_flask/web/new.py (new)" in said


def test_an_older_release_is_taken_only_if_it_is_asked_for(
    project: Repository, template: Repository
) -> None:
    assert run(project, template)[0] == 0
    project.commit()
    assert_refused(project, template, "--downgrade", "v1.0.0")
    assert run(project, template, "v1.0.0", "--downgrade")[0] == 0
    assert (core(project) / "web/csp.py").read_text() == "STRICT = 1\n"


def test_it_leaves_the_minor_version_only_if_that_is_asked_for(
    project: Repository, template: Repository
) -> None:
    release(template, "2.0.0", {"web/csp.py": "STRICT = 4\n"})
    assert run(project, template)[0] == 0
    assert (core(project) / "VERSION").read_text() == "1.1.0\n"
    project.commit()
    status, said = run(project, template, "--check")
    assert (status, "Run: .venv/bin/python secure_flask/update.py v2.0.0\n" in said) == (1, True)
    assert_refused(project, template, "Then name it: update.py v2.0.0")
    assert run(project, template, "v2.0.0")[0] == 0


def test_it_advises_no_release_that_nobody_signed(
    project: Repository, template: Repository
) -> None:
    assert run(project, template)[0] == 0
    project.commit()
    release(template, "2.0.0", {"web/csp.py": "STRICT = 4\n"})
    thief = Repository(template.path, new_key(template.path.parent, "thief"))
    release(thief, "3.0.0", {"web/csp.py": "STRICT = None\n"})
    assert_refused(project, template, "Then name it: update.py v2.0.0")
    template.git("tag", "--delete", "v2.0.0")
    status, said = run(project, template)
    assert (status, "update.py v" in said, "No release was taken" in said) == (2, False, True)


@pytest.mark.parametrize(
    ("new", "old", "promised"),
    [
        ("v0.1.9", "0.1.0", True),
        ("v0.2.0", "0.1.0", False),
        ("v1.9.0", "1.0.0", True),
        ("v2.0.0", "1.9.0", False),
        ("v1.0.0", "0.9.0", False),
    ],
)
def test_app_runs_with_each_core_of_its_minor_or_major_version(
    new: str, old: str, promised: bool
) -> None:
    assert update._is_promised(new, old) == promised


def test_it_says_how_the_database_goes_back(project: Repository, template: Repository) -> None:
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    assert ".venv/bin/flask db downgrade 0002_tasks\n" in run(project, template)[1]


# Signatures


def test_a_key_that_the_project_does_not_know_signs_nothing(
    project: Repository, template: Repository
) -> None:
    thief = Repository(template.path, new_key(template.path.parent, "thief"))
    release(thief, "1.2.0", {"SIGNERS": signer(thief.key), "web/csp.py": "STRICT = None\n"})
    assert_refused(project, template, "v1.2.0 is not signed by a key", "v1.2.0")


@pytest.mark.parametrize("arguments", [(), ("--unsigned",)])
def test_a_tag_without_a_signature_is_refused(
    project: Repository, template: Repository, arguments: tuple[str, ...]
) -> None:
    template.git("tag", "--delete", "v1.1.0")
    template.tag("v1.1.0", signed=False)
    assert_refused(project, template, "is not signed by a key", *arguments)
    template.git("tag", "--delete", "v1.1.0")
    template.git("tag", "v1.1.0")
    assert_refused(project, template, "is no annotated tag", *arguments)


def test_a_signature_that_the_keys_of_the_user_would_accept_counts_for_nothing(
    project: Repository, template: Repository, tmp_path: Path
) -> None:
    """git hands a signature of OpenPGP to gpg, here to one that likes everything."""
    says = ("NEWSIG", "GOODSIG 0 Ada", "TRUST_ULTIMATE 0 pgp")
    good = "#!/bin/sh\ncat > /dev/null\n" + "".join(f'echo "[GNUPG:] {line}"\n' for line in says)
    write(tmp_path / "programs", {"gpg": good})
    (tmp_path / "programs" / "gpg").chmod(0o755)
    tag = git(template.path, "cat-file", "tag", "v1.1.0").partition("-----BEGIN")[0]
    forged = tag + "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    (tmp_path / "forged").write_text(forged)
    made = git(template.path, "hash-object", "-w", "-t", "tag", str(tmp_path / "forged")).strip()
    git(template.path, "update-ref", "refs/tags/v1.1.0", made)
    path = f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}"
    assert_refused(project, template, "is not signed by a key", PATH=path)


def test_without_a_key_it_says_so_and_asks_for_a_word(
    project: Repository, template: Repository
) -> None:
    write(core(project), {"SIGNERS": "# No key yet.\n"})
    (core(project) / "MANIFEST").write_text(update.manifest(core(project)))
    project.commit()
    assert_refused(project, template, "SIGNERS is empty")
    assert run(project, template, "--unsigned")[0] == 0


def test_an_old_release_under_a_new_name_is_refused(
    project: Repository, template: Repository
) -> None:
    git(template.path, "update-ref", "refs/tags/v1.2.0", "refs/tags/v1.0.0")
    assert_refused(project, template, "v1.2.0 was made under another name", "v1.2.0")


@pytest.mark.parametrize("end", ["\n ", *"\r\v\f\x1c\x1e\x85\u2028"])
def test_a_header_that_git_does_not_verify_names_no_other_commit(
    project: Repository, template: Repository, tmp_path: Path, end: str
) -> None:
    """git removes `gpgsig…` from a tag before it verifies the signature of the rest."""
    write(template.path / FOLDER, {"web/csp.py": "STRICT = None\n"})
    template.commit()
    evil = git(template.path, "rev-parse", "HEAD").strip()
    head, _, rest = git(template.path, "cat-file", "tag", "v1.1.0").partition("\n\n")
    forged = f"{head}\ngpgsig-sha256 x{end}object {evil}{end}tag v9.9.9\n\n{rest}"
    (tmp_path / "forged").write_bytes(forged.encode())
    options = ("hash-object", "-w", "--literally", "-t", "tag", str(tmp_path / "forged"))
    git(template.path, "update-ref", "refs/tags/v9.9.9", git(template.path, *options).strip())
    assert_refused(project, template, "or has too many headers", "v9.9.9")


def test_a_new_key_comes_by_a_release_of_the_old_one(
    project: Repository, template: Repository
) -> None:
    successor = Repository(template.path, new_key(template.path.parent, "another"))
    release(template, "1.2.0", {"SIGNERS": signer(template.key) + signer(successor.key)})
    release(successor, "1.3.0", {"SIGNERS": signer(successor.key)})
    template.git("tag", "v9.9.9")
    status, said = run(project, template)
    assert (status, "v1.3.0 is not signed by a key" in said) == (0, True)
    assert (core(project) / "VERSION").read_text() == "1.2.0\n"
    project.commit()
    assert run(project, template)[0] == 0
    assert (core(project) / "VERSION").read_text() == "1.3.0\n"


def test_a_key_behind_a_space_is_a_key(project: Repository, template: Repository) -> None:
    write(core(project), {"SIGNERS": f" {signer(template.key)}"})
    (core(project) / "MANIFEST").write_text(update.manifest(core(project)))
    project.commit()
    template.git("tag", "--delete", "v1.1.0")
    template.tag("v1.1.0", signed=False)
    assert_refused(project, template, "is not signed by a key", "--unsigned")


def test_a_branch_that_is_named_like_a_tag_is_not_taken(
    project: Repository, template: Repository
) -> None:
    template.git("branch", "v1.2.0")
    assert_refused(project, template, "git says", "v1.2.0")


# Files


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"web/csp.py": "STRICT = None\n"}, "not those of its MANIFEST"),
        ({"web/added.py": ""}, "not those of its MANIFEST"),
        ({"web/new.py": None}, "not those of its MANIFEST"),
        ({"VERSION": "1.3.0\n"}, "not those of its MANIFEST"),
        ({"MANIFEST": None}, "not those of its MANIFEST"),
        ({"web/.hidden.py": ""}, "a name that is none for a file"),
        ({"web/two words.py": ""}, "a name that is none for a file"),
    ],
)
def test_a_release_whose_files_are_not_those_of_its_manifest_is_refused(
    project: Repository, template: Repository, change: dict[str, str | None], words: str
) -> None:
    write(template.path / FOLDER, change)
    template.commit()
    template.git("tag", "--delete", "v1.1.0")
    template.tag("v1.1.0")
    assert_refused(project, template, words)


def test_a_version_other_than_the_tags_is_refused(
    project: Repository, template: Repository
) -> None:
    template.tag("v1.2.0")
    assert_refused(project, template, "MANIFEST and VERSION", "v1.2.0")


def test_a_link_in_the_release_is_refused(project: Repository, template: Repository) -> None:
    link = template.path / FOLDER / "web" / "new.py"
    link.unlink()
    link.symlink_to("/etc/passwd")
    release(template, "1.2.0", {})
    assert_refused(project, template, "has a link", "v1.2.0")


@pytest.mark.parametrize("name", ["web", "web/csp.py"])
def test_a_link_in_the_project_is_not_written_through(
    project: Repository, template: Repository, tmp_path: Path, name: str
) -> None:
    path = core(project) / name
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    project.commit()
    assert_refused(project, template, f"in place of each link: {path}", "--replace-edits")


@pytest.mark.parametrize("name", ["migrations", "migrations/versions"])
def test_a_migration_is_not_written_through_a_link(
    project: Repository, template: Repository, tmp_path: Path, name: str
) -> None:
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    path, outside = project.path / name, tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    project.commit()
    before = sorted(outside.rglob("*"))
    assert_refused(project, template, f"in place of each link: {path}\n")
    assert sorted(outside.rglob("*")) == before


def test_a_module_takes_the_place_of_a_package(project: Repository, template: Repository) -> None:
    release(template, "1.2.0", {"web/csp.py": None, "web/new.py": None})
    (template.path / FOLDER / "web").rmdir()
    release(template, "1.3.0", {"web": "STRICT = 3\n"})
    assert run(project, template)[0] == 0
    assert (core(project) / "web").read_text() == "STRICT = 3\n"


def test_no_cache_of_python_survives(project: Repository, template: Repository) -> None:
    """Python runs one with an unchecked hash without a look at its source."""
    write(core(project), {"__pycache__/old.pyc": "", "accounts/__pycache__/old.pyc": ""})
    project.commit()
    assert run(project, template)[0] == 0
    assert not list(core(project).rglob("*.pyc"))
    # A cache that git left behind is no sign of accounts.
    assert not list((core(project) / "accounts").rglob("*.py"))


def test_a_file_that_cannot_be_written_stays_whole(
    project: Repository, template: Repository
) -> None:
    (core(project) / "web" / ".csp.py.part").mkdir()
    status, said = run(project, template)
    assert (status, "The update stopped" in said) == (2, True), said
    assert (core(project) / "web" / "csp.py").read_text() == "STRICT = 1\n"


def test_attributes_of_the_release_change_no_byte(
    project: Repository, template: Repository
) -> None:
    text = "# $Id$\r\nSTRICT = 3\n"
    write(template.path, {".gitattributes": "*.py ident\n"})
    path = template.path / FOLDER / "web" / "csp.py"
    path.write_bytes(text.encode())
    release(template, "1.2.0", {})
    assert run(project, template)[0] == 0
    assert (core(project) / "web/csp.py").read_bytes() == text.encode()


# Addresses and names


@pytest.mark.parametrize(
    "name", ["v1.2", "v01.1.0", "v1.1.0-rc1", "1.1.0", "main", "--upload-pack=x"]
)
def test_a_tag_of_another_form_is_refused(
    project: Repository, template: Repository, name: str
) -> None:
    status, said = run(project, template, "--", name)
    assert (status, "is no tag of a release" in said) == (2, True), said


def test_a_tag_of_another_form_is_never_shown(project: Repository, template: Repository) -> None:
    template.git("tag", "--sign", "--message", "x", "v9.9.9-rc1")
    status, said = run(project, template)
    assert (status, "9.9.9" in said) == (0, False)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "--upload-pack=touch x",
        "ssh://example.org/x",
        "file:///tmp",
        "git@example.org:x",
        "ext::sh",
    ],
)
def test_an_address_that_is_not_https_is_refused(project: Repository, address: str) -> None:
    text = f'[project]\ndependencies = []\n[tool.secure-flask]\nsource = "{address}"\n'
    write(project.path, {"pyproject.toml": text})
    assert_refused(project, None, "Write the https address of the template")


def test_no_configuration_of_git_leads_elsewhere(
    project: Repository, template: Repository, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    shutil.copytree(template.path, evil)
    home = tmp_path / "home"
    rule = f'[url "{evil.as_uri()}"]\n    insteadOf = {template.path.as_uri()}\n'
    write(home, {".gitconfig": rule})
    git(evil, "tag", "--delete", "v1.1.0")
    variables = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{evil.as_uri()}.insteadOf"}
    variables |= {"GIT_CONFIG_VALUE_0": template.path.as_uri(), "HOME": str(home)}
    assert run(project, template, "v1.1.0", **variables)[0] == 0


def test_a_password_of_a_proxy_is_in_no_argument(
    project: Repository, template: Repository, tmp_path: Path
) -> None:
    git_program, log = shutil.which("git"), tmp_path / "log"
    wrapper = f'#!/bin/sh\nenv >> {log}.env\necho "$@" >> {log}\nexec {git_program} "$@"\n'
    configuration = "[http]\n    proxy = http://ada:swordfish@proxy.example\n"
    write(tmp_path, {"home/.gitconfig": configuration, "programs/git": wrapper})
    (tmp_path / "programs" / "git").chmod(0o755)
    path = f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}"
    assert run(project, template, HOME=str(tmp_path / "home"), PATH=path)[0] == 0
    assert "GIT_CONFIG_VALUE_0=http://ada:swordfish@" in Path(f"{log}.env").read_text()
    assert "swordfish" not in log.read_text()


# The project


def test_changes_that_are_not_committed_are_kept(project: Repository, template: Repository) -> None:
    write(core(project), {"web/csp.py": "STRICT = 7\n"})
    assert_refused(project, template, "not committed")


def test_so_is_a_file_that_git_does_not_know_and_hides(
    project: Repository, template: Repository
) -> None:
    project.git("config", "status.showUntrackedFiles", "no")
    write(project.path / "migrations" / "versions", {"0003_own.py": AFTER})
    assert_refused(project, template, "not committed")


@pytest.mark.parametrize(
    ("name", "text"),
    [("secure_flask/VERSION", None), ("migrations/versions/0003_own.py", "revision = (\n")],
)
def test_what_cannot_be_read_stops_it_with_2(
    project: Repository, template: Repository, name: str, text: str | None
) -> None:
    """1 would say that there is a newer release."""
    write(project.path, {name: text})
    project.commit()
    assert_refused(project, template, "The update stopped", "--replace-edits")


def test_edits_are_shown_before_they_are_lost(project: Repository, template: Repository) -> None:
    write(core(project), {"web/csp.py": "STRICT = 7\n", "web/old.py": None, "web/mine.py": ""})
    project.commit()
    assert_refused(project, template, "edited: web/csp.py")
    status, said = run(project, template, "--replace-edits")
    assert status == 0
    # Against what was rendered, not against the new release.
    assert "-STRICT = 1\n+STRICT = 7\n" in said
    assert update.find_edits(core(project)) == []


def test_edits_of_a_release_that_nobody_signed_are_shown_against_the_new_one(
    project: Repository, template: Repository
) -> None:
    write(core(project), {"__init__.py": 'VERSION = "1.0.0"\nMINE = 1\n'})
    project.commit()
    template.git("tag", "--delete", "v1.0.0")
    assert ' VERSION = "1.0.0"\n+MINE = 1\n' in run(project, template, "--replace-edits")[1]


def test_git_takes_an_update_back(project: Repository, template: Repository) -> None:
    assert run(project, template)[0] == 0
    git(project.path, "checkout", "--", "secure_flask")
    git(project.path, "clean", "--force", "--quiet", "--", "secure_flask")
    assert update.find_edits(core(project)) == []


def test_show_what_would_change_and_change_nothing(
    project: Repository, template: Repository
) -> None:
    status, said = run(project, template, "--diff")
    assert status == 0
    assert "-STRICT = 1\n+STRICT = 2\n" in said
    assert git(project.path, "status", "--porcelain") == ""


def test_a_newer_release_is_named_and_verified_first(
    project: Repository, template: Repository
) -> None:
    status, said = run(project, template, "--check")
    assert (status, "v1.1.0 is newer than 1.0.0" in said, "- Fixed." in said) == (1, True, True)
    thief = Repository(template.path, new_key(template.path.parent, "thief"))
    release(thief, "1.2.0", {})
    status, said = run(project, template, "--check")
    assert (status, "v1.2.0 is newer" in said, "v1.1.0 is newer" in said) == (1, False, True)
    template.git("tag", "--delete", "v1.1.0")
    status, said = run(project, template, "--check")
    assert (status, "is newer" in said) == (2, False)
    template.git("tag", "--delete", "v1.2.0")
    assert run(project, template, "--check")[0] == 0


@pytest.mark.parametrize("program", ["git", "ssh-keygen"])
def test_a_missing_program_is_named(
    project: Repository, template: Repository, tmp_path: Path, program: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in {"git", "ssh-keygen", "sh"} - {program}:
        (programs / name).symlink_to(str(shutil.which(name)))
    status, said = run(project, template, PATH=str(programs))
    assert (status, f"This needs {program}" in said) == (2, True), said


# Migrations


def revisions(project: Repository) -> dict[str, str]:
    """Each revision of the project with the one that it follows."""
    texts = [path.read_text() for path in (project.path / "migrations/versions").glob("*.py")]
    found = (re.findall(r"revision = \"?([^\"\n]+)", text) for text in texts)
    return dict(pair for pair in found if len(pair) == 2)


def test_a_migration_of_the_core_follows_those_of_the_project_once(
    project: Repository, template: Repository
) -> None:
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    assert run(project, template)[0] == 0
    expected = {"0001_users": "None", "0002_tasks": "0001_users", "0002_more": "0002_tasks"}
    assert revisions(project) == expected
    project.commit()
    assert run(project, template)[0] == 0
    assert revisions(project) == expected


@pytest.mark.parametrize(("table", "copied"), [("logins", 1), ("members", 0)])
def test_a_migration_of_the_core_is_copied_where_others_made_its_tables(
    project: Repository, template: Repository, table: str, copied: int
) -> None:
    """The owner may have put all of them into one."""
    versions = project.path / "migrations" / "versions"
    for file in versions.glob("*.py"):
        file.unlink()
    first = f'revision = "all"\ndown_revision = None\nop.create_table(\n    "{table}",\n)\n'
    write(versions, {"all.py": first})
    project.commit()
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    status, said = run(project, template)
    assert status == 0
    assert ("none was copied: 0002_more" in said) == (not copied)
    assert len([*versions.glob("secure_flask_*.py")]) == copied


def test_a_file_of_that_name_is_not_overwritten(project: Repository, template: Repository) -> None:
    versions = project.path / "migrations" / "versions"
    write(versions, {"secure_flask_0002_more.py": AFTER})
    project.commit()
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    assert_refused(project, template, "rename it")


def test_two_heads_and_merged_migrations_of_the_core_stay_as_they_are(
    project: Repository, template: Repository
) -> None:
    versions = project.path / "migrations" / "versions"
    squashed = FIRST.replace("0001_users", "squashed")
    write(versions, {"0001_users.py": None, "0002_tasks.py": None})
    write(versions, {"one.py": squashed, "two.py": squashed.replace("squashed", "other")})
    project.commit()
    assert run(project, template)[0] == 0
    assert revisions(project) == {"squashed": "None", "other": "None"}


def test_a_migration_of_the_project_with_the_same_name_stays(
    project: Repository, template: Repository
) -> None:
    write(project.path / "migrations" / "versions", {"0002_more.py": AFTER})
    project.commit()
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    assert run(project, template)[0] == 0
    assert (project.path / "migrations/versions/0002_more.py").read_text() == AFTER
    assert revisions(project)["0002_more"] == "0003_own"


def test_nothing_is_copied_behind_two_heads_until_they_are_merged(
    project: Repository, template: Repository
) -> None:
    versions = project.path / "migrations" / "versions"
    write(versions, {"0002_notes.py": OWN.replace("0002_tasks", "0002_notes")})
    project.commit()
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    assert_refused(project, template, "flask db merge heads --message merge")
    write(versions, {"0003_own.py": MERGED})
    project.commit()
    assert run(project, template)[0] == 0
    assert revisions(project)["0002_more"] == "0003_own"


def test_an_older_release_waits_until_its_tables_are_back(
    project: Repository, template: Repository
) -> None:
    release(template, "1.2.0", {"migrations/0002_more.py": SECOND})
    assert run(project, template)[0] == 0
    project.commit()
    assert_refused(project, template, "0002_more", "v1.1.0", "--downgrade")
    (project.path / "migrations/versions/secure_flask_0002_more.py").unlink()
    project.commit()
    assert run(project, template, "v1.1.0", "--downgrade")[0] == 0


# The script


def test_it_runs_where_the_package_does_not() -> None:
    imported = re.findall(r"^(?:from|import) (\w+)", source(), re.MULTILINE)
    assert sys.stdlib_module_names.issuperset(imported)
    # Python looks for modules in the folder of a script first.
    folder = support.FOLDER / "secure_flask"
    assert not sys.stdlib_module_names.intersection(path.stem for path in folder.iterdir())


def test_edited_missing_and_added_files_are_named_and_caches_are_not(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "1\n", "web/b.py": "", "accounts/c.py": ""})
    (tmp_path / "MANIFEST").write_text(update.manifest(tmp_path))
    write(tmp_path, {"__pycache__/a.pyc": "", ".mypy_cache/x": "", "web/.DS_Store": ""})
    # As git may check it out on Windows.
    (tmp_path / "a.py").write_bytes(b"1\r\n")
    shutil.rmtree(tmp_path / "accounts")
    assert update.find_edits(tmp_path) == []
    write(tmp_path, {"a.py": "2\n", "web/b.py": None, "web/d.py": ""})
    assert update.find_edits(tmp_path) == ["edited: a.py", "missing: web/b.py", "added: web/d.py"]
