"""`python secure_flask/update.py`: a fix arrives whole and signed, and nothing else arrives."""

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from secure_flask import update

import support
from services.certificates import write_certificate
from updates import releases
from updates.releases import Changes, new_key, signer, write

pytestmark = pytest.mark.slow

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


class Repository(releases.Repository):
    """A repository of git, with a key that signs its tags."""

    def commit(self, message: str = "Change") -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def tag(self, name: str, *, signed: bool = True) -> None:
        kind = "--sign" if signed else "--annotate"
        self.git("tag", "--force", kind, "--message", name, name)


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


@dataclass(frozen=True)
class Project(Repository):
    """A project, and the template from which it was rendered."""

    template: Repository

    @property
    def core(self) -> Path:
        return self.path / "secure_flask"

    @property
    def versions(self) -> Path:
        return self.path / "migrations" / "versions"

    def edit(self, folder: Path, files: Changes) -> None:
        """Change files in a folder of the project, and commit them."""
        write(folder, files)
        self.commit()

    def read(self, name: str) -> str:
        """What a file of the core holds."""
        return (self.core / name).read_text()

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """The exit status of the update, and what it said."""
        return self.run_script(f"--from={self.template.path}", *arguments, **environment)

    def run_script(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """`run` without the address of the template."""
        done = subprocess.run(
            [sys.executable, "-B", "secure_flask/update.py", *arguments],
            cwd=self.path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    def update(self, *arguments: str, **environment: str) -> str:
        """What an update said that went through."""
        status, said = self.run(*arguments, **environment)
        assert status == 0, said
        return said

    def assert_refused(self, words: str, *arguments: str, **environment: str) -> None:
        before = self.state()
        status, said = self.run(*arguments, **environment)
        assert (status, words in said) == (2, True), said
        assert self.state() == before

    def state(self) -> tuple[str, str]:
        return self.git("status", "--porcelain"), update.manifest(self.core)


@pytest.fixture
def project(tmp_path: Path, template: Repository) -> Project:
    """A project that was rendered from v1.0.0, without accounts, with a migration of the owner's."""
    project = Project(tmp_path / "project", template.key, template)
    template.git("checkout", "--quiet", "v1.0.0")
    shutil.copytree(template.path / FOLDER, project.core)
    template.git("checkout", "--quiet", "-")
    shutil.rmtree(project.core / "accounts")
    write(project.versions, {"0001_users.py": FIRST, "0002_tasks.py": OWN})
    write(project.path, {"pyproject.toml": "", ".cookiecutter.json": "{}"})
    project.git("init", "--quiet")
    project.commit()
    return project


def test_a_release_replaces_the_folder_whole(project: Project) -> None:
    assert "-STRICT = 1\n+STRICT = 2\n" in project.update("--diff")
    assert project.git("status", "--porcelain") == ""
    project.update()
    assert update.find_edits(project.core) == []
    assert project.read("web/csp.py") == "STRICT = 2\n"
    assert (project.core / "web/new.py").exists()
    assert not (project.core / "web/old.py").exists()
    # The project did not choose accounts, and may do so.
    assert not (project.core / "accounts").exists()
    assert project.read("VERSION") == "1.1.0\n"
    project.edit(project.core, {"accounts/mail.py": ""})
    release(project.template, "1.2.0", {"accounts/mail.py": "FIXED = 1\n"})
    project.update()
    assert project.read("accounts/mail.py") == "FIXED = 1\n"


def test_it_says_what_changed_and_nothing_that_a_terminal_obeys(
    project: Project, template: Repository
) -> None:
    another = new_key(template.path.parent, "another")
    signers = signer(template.key) + signer(another)
    needed = "flask>=3.2\nnew>=1\nmailer>=2 optional\n"
    release(template, "1.2.0", {"DEPENDENCIES": needed, "SIGNERS": signers})
    said = project.update()
    assert "- Fixed.[2J" in said
    assert "- Begun." not in said
    assert "Next:\n  .venv/bin/uv add 'flask>=3.2' 'new>=1'\n" in said
    assert f"A key that signs releases is new: {signer(another).strip()}" in said
    assert "secure_flask/web/csp.py" in said
    assert "secure_flask/web/new.py (new)" in said


def test_an_older_release_is_taken_only_if_it_is_asked_for(project: Project) -> None:
    project.update()
    project.commit()
    project.assert_refused("--downgrade", "v1.0.0")
    project.update("v1.0.0", "--downgrade")
    assert project.read("web/csp.py") == "STRICT = 1\n"


def test_it_leaves_the_minor_version_only_if_that_is_asked_for(project: Project) -> None:
    release(project.template, "2.0.0", {"web/csp.py": "STRICT = 4\n"})
    project.update()
    assert project.read("VERSION") == "1.1.0\n"
    project.commit()
    status, said = project.run("--check")
    assert (status, "Run: .venv/bin/python secure_flask/update.py v2.0.0\n" in said) == (1, True)
    project.assert_refused("Then name it: update.py v2.0.0")
    project.update("v2.0.0")


def test_it_advises_no_release_that_nobody_signed(project: Project, template: Repository) -> None:
    project.update()
    project.commit()
    release(template, "2.0.0", {"web/csp.py": "STRICT = 4\n"})
    thief = Repository(template.path, new_key(template.path.parent, "thief"))
    release(thief, "3.0.0", {"web/csp.py": "STRICT = None\n"})
    project.assert_refused("Then name it: update.py v2.0.0")
    template.git("tag", "--delete", "v2.0.0")
    status, said = project.run()
    assert (status, "update.py v" in said, "No release was taken" in said) == (2, False, True)


def test_app_runs_with_each_core_of_its_minor_or_major_version() -> None:
    promised = {("v0.1.9", "0.1.0"), ("v1.9.0", "1.0.0")}
    others = {("v0.2.0", "0.1.0"), ("v2.0.0", "1.9.0"), ("v1.0.0", "0.9.0")}
    assert {each for each in promised | others if update._is_promised(*each)} == promised


BROKEN = r"Update app/ first:\n  (.*)\nNext:\n  commit\n  app/: .*step 2\n"


@pytest.mark.parametrize(
    ("app", "named"),
    [
        ("from secure_flask import VERSION", True),
        ("from secure_flask.web import csp", False),
        ("import no_such_module", False),
    ],
    ids=["breaks", "runs", "never ran"],
)
def test_an_app_that_the_update_breaks_is_named_with_the_error(
    project: Project, app: str, named: bool
) -> None:
    project.edit(project.path, {"app/__init__.py": f"{app}\n"})
    release(project.template, "1.2.0", {"__init__.py": ""})
    errors = re.findall(BROKEN, project.update())
    assert len(errors) == named
    said = "ImportError: cannot import name 'VERSION' from 'secure_flask'"
    assert [error for error in errors if not error.startswith(said)] == []


# Signatures


def test_a_key_that_the_project_does_not_know_signs_nothing(
    project: Project, template: Repository
) -> None:
    thief = Repository(template.path, new_key(template.path.parent, "thief"))
    release(thief, "1.2.0", {"SIGNERS": signer(thief.key), "web/csp.py": "STRICT = None\n"})
    project.assert_refused("v1.2.0 is not signed by a key", "v1.2.0")


@pytest.mark.parametrize("arguments", [(), ("--unsigned",)])
def test_a_tag_without_a_signature_is_refused(
    project: Project, template: Repository, arguments: tuple[str, ...]
) -> None:
    template.tag("v1.1.0", signed=False)
    project.assert_refused("is not signed by a key", *arguments)
    template.git("tag", "--force", "v1.1.0")
    project.assert_refused("is no annotated tag", *arguments)


def test_a_signature_that_the_keys_of_the_user_would_accept_counts_for_nothing(
    project: Project, template: Repository, tmp_path: Path
) -> None:
    """git hands a signature of OpenPGP to gpg, here to one that likes everything."""
    says = ("NEWSIG", "GOODSIG 0 Ada", "TRUST_ULTIMATE 0 pgp")
    good = "#!/bin/sh\ncat > /dev/null\n" + "".join(f'echo "[GNUPG:] {line}"\n' for line in says)
    write(tmp_path / "programs", {"gpg": good})
    (tmp_path / "programs" / "gpg").chmod(0o755)
    tag = template.git("cat-file", "tag", "v1.1.0").partition("-----BEGIN")[0]
    forged = tag + "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    (tmp_path / "forged").write_text(forged)
    made = template.git("hash-object", "-w", "-t", "tag", str(tmp_path / "forged")).strip()
    template.git("update-ref", "refs/tags/v1.1.0", made)
    path = f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}"
    project.assert_refused("is not signed by a key", PATH=path)


def test_without_a_key_it_says_so_and_asks_for_a_word(project: Project) -> None:
    write(project.core, {"SIGNERS": "# No key yet.\n"})
    (project.core / "MANIFEST").write_text(update.manifest(project.core))
    project.commit()
    project.assert_refused("SIGNERS is empty")
    project.update("--unsigned")


def test_an_old_release_under_a_new_name_is_refused(project: Project) -> None:
    project.template.git("branch", "v1.2.0")
    project.assert_refused("git says", "v1.2.0")
    project.template.git("update-ref", "refs/tags/v1.2.0", "refs/tags/v1.0.0")
    project.assert_refused("v1.2.0 was made under another name", "v1.2.0")
    project.template.tag("v1.2.0")
    project.assert_refused("MANIFEST and VERSION", "v1.2.0")


def test_a_header_that_git_does_not_verify_names_no_other_commit(
    project: Project, template: Repository, tmp_path: Path
) -> None:
    """git removes `gpgsig…` from a tag before it verifies the signature of the rest."""
    write(template.path / FOLDER, {"web/csp.py": "STRICT = None\n"})
    template.commit()
    evil = template.git("rev-parse", "HEAD").strip()
    head, _, rest = template.git("cat-file", "tag", "v1.1.0").partition("\n\n")
    for end in ("\n ", *"\r\v\f\x1c\x1e\x85\u2028"):
        forged = f"{head}\ngpgsig-sha256 x{end}object {evil}{end}tag v9.9.9\n\n{rest}"
        (tmp_path / "forged").write_bytes(forged.encode())
        options = ("hash-object", "-w", "--literally", "-t", "tag", str(tmp_path / "forged"))
        template.git("update-ref", "refs/tags/v9.9.9", template.git(*options).strip())
        project.assert_refused("or has too many headers", "v9.9.9")


def test_a_new_key_comes_by_a_release_of_the_old_one(
    project: Project, template: Repository
) -> None:
    successor = Repository(template.path, new_key(template.path.parent, "another"))
    release(template, "1.2.0", {"SIGNERS": signer(template.key) + signer(successor.key)})
    release(successor, "1.3.0", {"SIGNERS": signer(successor.key)})
    template.git("tag", "v9.9.9")
    assert "v1.3.0 is not signed by a key" in project.update()
    assert project.read("VERSION") == "1.2.0\n"
    project.commit()
    project.update()
    assert project.read("VERSION") == "1.3.0\n"


def test_a_key_behind_a_space_is_a_key(project: Project, template: Repository) -> None:
    write(project.core, {"SIGNERS": f" {signer(template.key)}"})
    (project.core / "MANIFEST").write_text(update.manifest(project.core))
    project.commit()
    template.tag("v1.1.0", signed=False)
    project.assert_refused("is not signed by a key", "--unsigned")


# Files


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("web/csp.py", "STRICT = None\n", "not those of its MANIFEST"),
        ("web/added.py", "", "not those of its MANIFEST"),
        ("web/new.py", None, "not those of its MANIFEST"),
        ("VERSION", "1.3.0\n", "not those of its MANIFEST"),
        ("MANIFEST", None, "not those of its MANIFEST"),
        ("web/.hidden.py", "", "a name that is none for a file"),
        ("web/two words.py", "", "a name that is none for a file"),
    ],
)
def test_a_release_whose_files_are_not_those_of_its_manifest_is_refused(
    project: Project, template: Repository, name: str, text: str | None, words: str
) -> None:
    write(template.path / FOLDER, {name: text})
    template.commit()
    template.tag("v1.1.0")
    project.assert_refused(words)


def test_a_link_in_the_release_is_refused(project: Project, template: Repository) -> None:
    link = template.path / FOLDER / "web" / "new.py"
    link.unlink()
    link.symlink_to("/etc/passwd")
    release(template, "1.2.0", {})
    project.assert_refused("has a link", "v1.2.0")


@pytest.mark.parametrize("name", ["web", "web/csp.py"])
def test_a_link_in_the_project_is_not_written_through(
    project: Project, tmp_path: Path, name: str
) -> None:
    path = project.core / name
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    project.commit()
    project.assert_refused(f"in place of each link: {path}", "--replace-edits")


@pytest.mark.parametrize("name", ["migrations", "migrations/versions"])
def test_a_migration_is_not_written_through_a_link(
    project: Project, tmp_path: Path, name: str
) -> None:
    release(project.template, "1.2.0", {"migrations/0002_more.py": SECOND})
    path, outside = project.path / name, tmp_path / "outside"
    path.rename(outside)
    path.symlink_to(outside)
    project.commit()
    before = sorted(outside.rglob("*"))
    project.assert_refused(f"in place of each link: {path}\n")
    assert sorted(outside.rglob("*")) == before


def test_no_cache_of_python_survives(project: Project) -> None:
    """Python runs one with an unchecked hash without a look at its source."""
    caches = ("__pycache__/old.pyc", "accounts/__pycache__/old.pyc")
    project.edit(project.core, dict.fromkeys(caches, ""))
    project.update()
    assert not list(project.core.rglob("*.pyc"))
    # A cache that git left behind is no sign of accounts.
    assert not list((project.core / "accounts").rglob("*.py"))


def test_a_file_that_cannot_be_written_stays_whole(project: Project) -> None:
    (project.core / "web" / ".csp.py.part").mkdir()
    status, said = project.run()
    assert (status, "The update stopped" in said) == (2, True), said
    assert project.read("web/csp.py") == "STRICT = 1\n"


def test_attributes_of_the_release_change_no_byte(project: Project, template: Repository) -> None:
    text = "# $Id$\r\nSTRICT = 3\n"
    write(template.path, {".gitattributes": "*.py ident\n"})
    path = template.path / FOLDER / "web" / "csp.py"
    path.write_bytes(text.encode())
    release(template, "1.2.0", {})
    project.update()
    assert (project.core / "web/csp.py").read_bytes() == text.encode()


# Addresses and names


def test_a_tag_of_another_form_is_refused_and_never_shown(project: Project) -> None:
    for name in ("v1.2", "v01.1.0", "v1.1.0-rc1", "1.1.0", "main", "--upload-pack=x"):
        project.assert_refused("is no tag of a release", "--", name)
    project.template.git("tag", "--sign", "--message", "x", "v9.9.9-rc1")
    assert "9.9.9" not in project.update()


def test_an_address_that_is_not_https_is_refused(
    project: Project, subtests: pytest.Subtests
) -> None:
    ssh = ("ssh://example.org/x", "git@example.org:x")
    for address in ("", "--upload-pack=touch x", *ssh, "file:///tmp", "ext::sh"):
        with subtests.test(address=address):
            text = f'[project]\ndependencies = []\n[tool.secure-flask]\nsource = "{address}"\n'
            write(project.path, {"pyproject.toml": text})
            status, said = project.run_script()
            assert (status, "Write the https address of the template" in said) == (2, True), said


class Redirecting(BaseHTTPRequestHandler):
    """Redirects each request to `leads_to`, or answers 404 where it is empty."""

    server: "Web"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(302 if self.server.leads_to else 404)
        self.send_header("Location", f"{self.server.leads_to}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


class Web(ThreadingHTTPServer):
    """A server of this machine, by https if it gets a context."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None, leads_to: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Redirecting)
        self.asked: list[str] = []
        self.leads_to = leads_to
        self.origin = f"http{'s' if context else ''}://localhost:{self.server_port}"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)


@contextmanager
def serving(context: ssl.SSLContext | None, leads_to: str = "") -> Iterator[Web]:
    with Web(context, leads_to) as web:
        Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        yield web
        web.shutdown()


@pytest.fixture
def encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for localhost, which git takes."""
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    write_certificate(certificate, key)
    trusting = f'#!/bin/sh\nexec {shutil.which("git")} -c http.sslCAInfo={certificate} "$@"\n'
    write(tmp_path, {"programs/git": trusting})
    (tmp_path / "programs" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("no_proxy", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(("scheme", "followed"), [("https", True), ("http", False)])
def test_a_redirect_of_the_template_is_followed_by_https_alone(
    project: Project, encrypted: ssl.SSLContext, scheme: str, followed: bool
) -> None:
    context = encrypted if scheme == "https" else None
    with serving(context) as there, serving(encrypted, there.origin) as template:
        source = f'[tool.secure-flask]\nsource = "{template.origin}/template"\n'
        write(project.path, {"pyproject.toml": source})
        status, said = project.run_script("--check")
    assert (status, len(template.asked) > 0, len(there.asked) > 0) == (2, True, followed), said


def test_no_configuration_of_git_leads_elsewhere(
    project: Project, template: Repository, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    shutil.copytree(template.path, evil)
    home = tmp_path / "home"
    rule = f'[url "{evil.as_uri()}"]\n    insteadOf = {template.path.as_uri()}\n'
    write(home, {".gitconfig": rule})
    Repository(evil, template.key).git("tag", "--delete", "v1.1.0")
    variables = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{evil.as_uri()}.insteadOf"}
    variables |= {"GIT_CONFIG_VALUE_0": template.path.as_uri(), "HOME": str(home)}
    project.update("v1.1.0", **variables)


def test_a_password_of_a_proxy_is_in_no_argument(project: Project, tmp_path: Path) -> None:
    git_program, log = shutil.which("git"), tmp_path / "log"
    asks = f'printf \'%s %s\\n\' "$1" "$({git_program} config http.proxy)" >> {log}.proxy'
    wrapper = f'#!/bin/sh\n{asks}\necho "$@" >> {log}\nexec {git_program} "$@"\n'
    configuration = '[http]\n    proxy = "http://ada:sw0rd;\\\\\\"#fish@proxy.example"\n'
    write(tmp_path, {"home/.gitconfig": configuration, "programs/git": wrapper})
    (tmp_path / "programs" / "git").chmod(0o755)
    path = f"{tmp_path / 'programs'}{os.pathsep}{os.environ['PATH']}"
    project.update(HOME=str(tmp_path / "home"), PATH=path)
    used = Path(f"{log}.proxy").read_text().splitlines()
    assert 'fetch http://ada:sw0rd;\\"#fish@proxy.example' in used
    assert "sw0rd" not in log.read_text()


# The project


def test_changes_that_are_not_committed_are_kept(project: Project) -> None:
    write(project.core, {"web/csp.py": "STRICT = 7\n"})
    project.assert_refused("not committed")
    project.git("checkout", "--quiet", "--", ".")
    # So is a file that git does not know and hides.
    project.git("config", "status.showUntrackedFiles", "no")
    write(project.versions, {"0003_own.py": AFTER})
    project.assert_refused("not committed")


@pytest.mark.parametrize(
    ("name", "text"),
    [("secure_flask/SIGNERS", None), ("migrations/versions/0003_own.py", "revision = (\n")],
)
def test_what_cannot_be_read_stops_it_with_2(project: Project, name: str, text: str | None) -> None:
    """1 would say that there is a newer release."""
    project.edit(project.path, {name: text})
    project.assert_refused("The update stopped", "--replace-edits")


def test_edits_are_shown_before_they_are_lost(project: Project, subtests: pytest.Subtests) -> None:
    edits = {"web/csp.py": "STRICT = 7\n", "web/old.py": None, "web/mine.py": ""}
    project.edit(project.core, edits)
    project.assert_refused("edited: web/csp.py")
    said = project.update("--replace-edits")
    # Against what was rendered, not against the new release.
    assert "-STRICT = 1\n+STRICT = 7\n" in said
    assert update.find_edits(project.core) == []
    # A file whose loss was committed comes back.
    for name in ("VERSION", "MANIFEST", "web/csp.py"):
        with subtests.test(name=name):
            project.edit(project.core, {name: None})
            project.update("v1.1.0", "--replace-edits")
            assert update.find_edits(project.core) == []
            project.commit()
    # Without a signed tag of its version, they are shown against the new release.
    project.edit(project.core, {"__init__.py": 'VERSION = "1.0.0"\nMINE = 1\n'})
    project.template.git("tag", "--delete", "v1.1.0")
    release(project.template, "1.2.0", {})
    assert ' VERSION = "1.0.0"\n+MINE = 1\n' in project.update("--replace-edits")


def test_a_newer_release_is_named_and_verified_first(
    project: Project, template: Repository
) -> None:
    status, said = project.run("--check")
    assert (status, "v1.1.0 is newer than 1.0.0" in said, "- Fixed." in said) == (1, True, True)
    thief = Repository(template.path, new_key(template.path.parent, "thief"))
    release(thief, "1.2.0", {})
    status, said = project.run("--check")
    assert (status, "v1.2.0 is newer" in said, "v1.1.0 is newer" in said) == (1, False, True)
    template.git("tag", "--delete", "v1.1.0")
    status, said = project.run("--check")
    assert (status, "is newer" in said) == (2, False)
    template.git("tag", "--delete", "v1.2.0")
    project.update("--check")


@pytest.mark.parametrize("program", ["git", "ssh-keygen"])
def test_a_missing_program_is_named(project: Project, tmp_path: Path, program: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in {"git", "ssh-keygen", "sh"} - {program}:
        (programs / name).symlink_to(str(shutil.which(name)))
    project.assert_refused(f"This needs {program}", PATH=str(programs))


# Migrations


def revisions(project: Project) -> dict[str, str]:
    """Each revision of the project with the one that it follows."""
    texts = [path.read_text() for path in project.versions.glob("*.py")]
    found = (re.findall(r"revision = \"?([^\"\n]+)", text) for text in texts)
    return dict(pair for pair in found if len(pair) == 2)


def test_a_migration_of_the_core_follows_those_of_the_project_once(project: Project) -> None:
    project.edit(project.versions, {"secure_flask_0002_more.py": AFTER})
    release(project.template, "1.2.0", {"migrations/0002_more.py": SECOND})
    # A file of that name is not overwritten.
    project.assert_refused("rename it")
    project.edit(project.versions, {"secure_flask_0002_more.py": None})
    # It says how the database goes back.
    assert ".venv/bin/flask db downgrade 0002_tasks\n" in project.update()
    expected = {"0001_users": "None", "0002_tasks": "0001_users", "0002_more": "0002_tasks"}
    assert revisions(project) == expected
    project.commit()
    project.update()
    assert revisions(project) == expected


@pytest.mark.parametrize(("table", "copied"), [("logins", 1), ("members", 0)])
def test_a_migration_of_the_core_is_copied_where_others_made_its_tables(
    project: Project, table: str, copied: int
) -> None:
    """The owner may have put all of them into one."""
    first = f'revision = "all"\ndown_revision = None\nop.create_table(\n    "{table}",\n)\n'
    others = dict.fromkeys(path.name for path in project.versions.iterdir())
    project.edit(project.versions, {**others, "all.py": first})
    release(project.template, "1.2.0", {"migrations/0002_more.py": SECOND})
    assert ("none was copied: 0002_more" in project.update()) == (not copied)
    assert len([*project.versions.glob("secure_flask_*.py")]) == copied


def test_two_heads_and_merged_migrations_of_the_core_stay_as_they_are(project: Project) -> None:
    heads = {f"{name}.py": FIRST.replace("0001_users", name) for name in ("squashed", "other")}
    project.edit(project.versions, {"0001_users.py": None, "0002_tasks.py": None, **heads})
    project.update()
    assert revisions(project) == {"squashed": "None", "other": "None"}


def test_a_migration_of_the_project_with_the_same_name_stays(project: Project) -> None:
    project.edit(project.versions, {"0002_more.py": AFTER})
    release(project.template, "1.2.0", {"migrations/0002_more.py": SECOND})
    project.update()
    assert (project.versions / "0002_more.py").read_text() == AFTER
    assert revisions(project)["0002_more"] == "0003_own"


def test_nothing_is_copied_behind_two_heads_until_they_are_merged(project: Project) -> None:
    notes = OWN.replace("0002_tasks", "0002_notes")
    project.edit(project.versions, {"0002_notes.py": notes})
    release(project.template, "1.2.0", {"migrations/0002_more.py": SECOND})
    project.assert_refused("flask db merge heads --message merge")
    project.edit(project.versions, {"0003_own.py": MERGED})
    project.update()
    assert revisions(project)["0002_more"] == "0003_own"


def test_an_older_release_waits_until_its_tables_are_back(project: Project) -> None:
    release(project.template, "1.2.0", {"migrations/0002_more.py": SECOND})
    project.update()
    project.commit()
    project.assert_refused("0002_more", "v1.1.0", "--downgrade")
    (project.versions / "secure_flask_0002_more.py").unlink()
    project.commit()
    project.update("v1.1.0", "--downgrade")


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
