"""Replaces this folder by the folder of another release: `python secure_flask/update.py [TAG]`.

A release counts only if its tag is signed by a key of the SIGNERS file that is installed here, and
if its files are exactly those of its MANIFEST. None of its code runs before that.
`git checkout -- secure_flask` undoes an update. This must run where the package does not, so it
uses the standard library alone and imports nothing of the package.
Source: SLSA v1.0, "Verifying artifacts".
"""

import argparse
import ast
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

CORE = Path(__file__).resolve().parent
PROJECT = CORE.parent
MIGRATIONS = PROJECT / "migrations"
VERSIONS = MIGRATIONS / "versions"
# The folder in the template's repository. The parts hide the name from cookiecutter.
THERE = "{" + "{cookiecutter.project_slug}" + "}/secure_flask"
TAG = re.compile(r"v(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){2}")
# git removes other headers from a tag before it verifies the rest, so anybody could add some.
SIGNED = re.compile(rb"object ([0-9a-f]{40,64})\ntype commit\ntag ([^\n]+)\ntagger [^\n]+\n\n")
HTTPS = re.compile(r"https://[A-Za-z0-9][!-~]*")
# No part begins with a dot or a hyphen, so neither `..` nor `.git` can occur.
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
MIGRATION = re.compile(r"(?:accounts/)?migrations/[0-9]{4}_[a-z0-9_]+\.py")
HEADING = re.compile(r"## [^0-9\n]*([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9})\b")
MAKES_LOGINS = re.compile(rb"""create_table\(\s*["']logins["']""")
FOLLOWS = re.compile(r"^down_revision\b.*$", re.MULTILINE)
FLAGS = {
    "--check": "only say whether there is a newer release; exit with 1 if there is",
    "--diff": "only show what would change",
    "--downgrade": "take a lower version",
    "--replace-edits": "show edits of the folder, and lose them",
    "--unsigned": "take an unsigned release; works only while SIGNERS is empty",
}

Files = dict[str, bytes]


class UpdateError(Exception):
    """Why nothing was updated, and what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="update.py", description="Update secure_flask/.")
    parser.add_argument("tag", nargs="?", help="as v1.2.3; without one, the newest")
    parser.add_argument("--from", dest="clone", help="a clone of the template on this machine")
    for name, meaning in FLAGS.items():
        parser.add_argument(name, action="store_true", help=meaning)
    options = parser.parse_args()
    # The CHANGELOG may have characters that the terminal lacks.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _update(Template(folder, options), options)
    except UpdateError as error:
        print(error, file=sys.stderr)
    except (OSError, SyntaxError, ValueError) as error:
        # A traceback would exit with 1, which means that there is a newer release.
        print("The update stopped:", ascii(str(error)), file=sys.stderr)
    return 2


def _update(template: "Template", options: argparse.Namespace) -> int:
    before = _read_core()
    # Without VERSION each release is newer, and has to be named.
    installed = before.get("VERSION", b"0.0.0").decode().strip()
    if not (tags := _candidates(template, options, installed)):
        print(f"secure_flask {installed} is the newest release.")
        return 0
    tag, released, changelog = template.first_trusted(tags)
    files = {name: data for name, data in released.items() if _is_wanted(name)}
    if options.check:
        name = "" if _is_promised(tag, installed) else f" {tag}"
        print(
            f"{tag} is newer than {installed}. Run: .venv/bin/python secure_flask/update.py{name}\n"
        )
    print(_changes(changelog, installed, tag).rstrip(), end="\n\n")
    if options.diff:
        print("".join(_difference(before, files)), end="")
    if options.check or options.diff:
        return int(options.check)
    _refuse_edits(template, files, installed, lose=options.replace_edits)
    migrations = _new_migrations(before, files)
    was_importable = not _import_error()
    # Migrations come first: an update that stops here must not leave a core without its tables.
    for name, text in migrations.items():
        (VERSIONS / name).write_text(text, "utf-8")
    _write(files)
    _report(before, files, migrations, _import_error() if was_importable else "")
    return 0


def _candidates(template: "Template", options: argparse.Namespace, installed: str) -> list[str]:
    """The tags to try in this order, until one can be trusted."""
    if not (options.check or options.diff):
        _refuse_uncommitted()
    if options.check or not options.tag:
        newer = template.newer(installed)
        same = [tag for tag in newer if _is_promised(tag, installed)]
        if newer and not (same or options.check or options.diff):
            tag, _, _ = template.first_trusted(newer)
            raise UpdateError(
                f"app/ may need changes before it runs with {tag}: see the CHANGELOG by --check. "
                f"Then name it: update.py {tag}"
            )
        return same or newer
    if not TAG.fullmatch(options.tag):
        raise UpdateError(f"{options.tag!r} is no tag of a release: write one like v1.2.3.")
    if _version(options.tag) < _version(installed) and not options.downgrade:
        raise UpdateError(f"{options.tag} is older than {installed}: to take it add --downgrade.")
    return [options.tag]


def _is_promised(tag: str, installed: str) -> bool:
    """Whether app/ runs with a tag: the minor version is the same, from 1.0 on the major one."""
    new = _version(tag)
    old = _version(installed)
    return new[: 1 if new[0] else 2] == old[: 1 if new[0] else 2]


class Template:
    """What was fetched from the template, as objects in a repository that has no work tree."""

    def __init__(self, folder: str, options: argparse.Namespace) -> None:
        self.folder = folder
        self.unsigned = options.unsigned
        self.address = _address(options.clone)
        # Other users could read an argument such as -c, and a proxy may have a password. git passes
        # no variable on to a clone that another user owns.
        settings = Path(folder, "settings")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(settings),
            "GIT_ALLOW_PROTOCOL": "file" if options.clone else "https",
            "GIT_TERMINAL_PROMPT": "0",
        }
        settings.write_text(_settings_of_user(), "utf-8")
        self.git("init", "--quiet", "--template=")

    def git(self, *arguments: str) -> bytes:
        return _git(*arguments, cwd=self.folder, environment=self.environment)

    def newer(self, installed: str) -> list[str]:
        """The newer tags, the highest first. Tags of another form are left out and never shown."""
        listed = self.git("ls-remote", "--tags", "--refs", "--", self.address)
        lines = listed.decode("utf-8", "replace").splitlines()
        tags = [tag for line in lines if TAG.fullmatch(tag := line.rpartition("refs/tags/")[2])]
        newer = [tag for tag in tags if _version(tag) > _version(installed)]
        return sorted(newer, key=_version, reverse=True)

    def first_trusted(self, tags: list[str]) -> tuple[str, Files, str]:
        """The highest release with a right signature. It may bring the key of a higher one."""
        for tag in tags:
            try:
                return tag, *self.release(tag)
            except UpdateError as error:
                print(error, file=sys.stderr)
        raise UpdateError("No release was taken.")

    def release(self, tag: str) -> tuple[Files, str]:
        """The files of the folder at a tag and the CHANGELOG, if signature and MANIFEST hold."""
        commit = self._commit(tag)
        files = self._files(commit)
        version = files.get("VERSION", b"").decode("utf-8", "replace").strip()
        if _listed(files.get("MANIFEST", b"")) != _hashes(files) or f"v{version}" != tag:
            raise UpdateError(f"The files of {tag} are not those of its MANIFEST and VERSION.")
        changelog = self.git("cat-file", "blob", f"{commit}:CHANGELOG.md")
        return files, _printable(changelog)

    def _commit(self, tag: str) -> str:
        """The commit of a signed tag."""
        name = f"refs/tags/{tag}"
        options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules")
        self.git("fetch", *options, "--", self.address, f"{name}:{name}")
        tagged = self.git("rev-parse", "--verify", name).decode().strip()
        if self.git("cat-file", "-t", tagged).strip() != b"tag":
            raise UpdateError(f"{tag} is no annotated tag, so nobody signed it.")
        found = SIGNED.match(self.git("cat-file", "tag", tagged))
        # The name must match: an older release under a new name would have a right signature.
        if not found or found[2] != tag.encode():
            raise UpdateError(f"{tag} was made under another name, or has too many headers.")
        self._verify(tag, tagged)
        return found[1].decode()

    def _verify(self, tag: str, tagged: str) -> None:
        signers = CORE / "SIGNERS"
        if not _keys(signers.read_bytes()):
            if self.unsigned:
                return
            raise UpdateError(
                "SIGNERS is empty: read --unsigned --diff, then update by --unsigned."
            )
        if not shutil.which("ssh-keygen"):
            raise UpdateError("This needs ssh-keygen, which verifies tags: install OpenSSH.")
        # Other kinds of signatures are off, since git would verify them by keys of the user.
        other_kinds = ("gpg.program", "gpg.openpgp.program", "gpg.x509.program")
        entries = [f"{name}=no-such-program" for name in other_kinds]
        entries.append(f"gpg.ssh.allowedSignersFile={signers}")
        try:
            self.git(*(part for each in entries for part in ("-c", each)), "verify-tag", tagged)
        except UpdateError:
            raise UpdateError(f"{tag} is not signed by a key of secure_flask/SIGNERS.") from None

    def _files(self, commit: str) -> Files:
        """The files of the folder, from git objects: no link, attribute or filter applies."""
        files = Files()
        listed = self.git("ls-tree", "-r", "-z", f"{commit}:{THERE}").decode("utf-8", "replace")
        for entry in filter(None, listed.split("\0")):
            mode, _, blob, name = re.split(r"[ \t]", entry, maxsplit=3)
            if mode != "100644" or not FILE.fullmatch(name) or "__pycache__" in name:
                raise UpdateError("The release has a link, or a name that is none for a file.")
            files[name] = self.git("cat-file", "blob", blob)
        return files


def find_edits(core: Path = CORE) -> list[str]:
    """Each file that is not as MANIFEST lists it, as in "edited: web/csp.py"; caches are left out.

    :raises FileNotFoundError: there is no MANIFEST.
    """
    manifest = _listed((core / "MANIFEST").read_bytes())
    listed = {name: value for name, value in manifest.items() if _is_wanted(name, core)}
    present = _hashes(_read_core(core))
    words = {(True, True): "edited", (True, False): "missing", (False, True): "added"}
    return [
        f"{words[name in listed, name in present]}: {name}"
        for name in sorted(listed.keys() | present.keys())
        if listed.get(name) != present.get(name)
    ]


def manifest(core: Path = CORE) -> str:
    """The text of MANIFEST, in the form of sha256sum."""
    return "".join(f"{value}  {name}\n" for name, value in _hashes(_read_core(core)).items())


def _read_core(core: Path = CORE) -> Files:
    found = (path.relative_to(core) for path in core.rglob("*") if path.is_file())
    return {
        path.as_posix(): (core / path).read_bytes()
        for path in found
        if not any(part == "__pycache__" or part.startswith(".") for part in path.parts)
    }


def _listed(text: bytes) -> dict[str, str]:
    lines = (line.partition("  ") for line in text.decode("utf-8", "replace").splitlines())
    return {name: value for value, _, name in lines}


def _hashes(files: Files) -> dict[str, str]:
    # Line ends are normalised, since git may check text files out with those of the system.
    texts = {name: data.replace(b"\r\n", b"\n") for name, data in sorted(files.items())}
    return {name: sha256(text).hexdigest() for name, text in texts.items() if name != "MANIFEST"}


def _refuse_uncommitted() -> None:
    status = ("status", "--porcelain", "--untracked-files=all", "--")
    if _git(*status, "secure_flask", "migrations", cwd=PROJECT).strip():
        raise UpdateError(
            "secure_flask/ or migrations/ has changes that are not committed: commit them, so that "
            "git can undo the update.\nOnly after an update that was interrupted, run instead, which "
            "deletes new files there:\n"
            "git checkout -- secure_flask && git clean --force -- secure_flask migrations/versions"
        )


def _refuse_edits(template: Template, files: Files, installed: str, *, lose: bool) -> None:
    """Refuse to lose edits of the folder. With --replace-edits, show them and continue."""
    found = find_edits() if (CORE / "MANIFEST").exists() else ["missing: MANIFEST"]
    if found and not lose:
        said = "\n  ".join(["secure_flask/ is not as it was released:", *found])
        raise UpdateError(
            f"{said}\ndocs/update.md says where a change can go, and how a missing file comes back. "
            "To take the release without these changes: --replace-edits"
        )
    if found:
        old = files
        new = _read_core()
        with suppress(UpdateError):  # without a signed tag, compare with the new one
            old, _ = template.release(f"v{installed}")
        edited = {line.partition(": ")[2] for line in found}
        shown = ({name: each.get(name, b"") for name in edited} for each in (old, new))
        print("These edits are replaced:\n" + "".join(_difference(*shown)))
        print('Remove "core.edited" from ACCEPTED_FINDINGS in app/policy.py, if it is there.\n')


def _is_wanted(name: str, core: Path = CORE) -> bool:
    """Whether a project takes a file. It takes files of `accounts/` only if it has that folder."""
    return not name.startswith("accounts/") or any((core / "accounts").glob("*.py"))


def _write(files: Files) -> None:
    for name in _read_core().keys() - files.keys():
        (CORE / name).unlink()
    # Python may run a cache without comparing it with its source. A file may replace a folder.
    for folder in [*CORE.rglob("__pycache__"), *(CORE / name for name in files)]:
        if folder.is_dir():
            shutil.rmtree(folder)
    for name, data in files.items():
        path = CORE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # An update that is killed must not leave half of a file, above all not of this script.
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(data)
        part.replace(path)


def _new_migrations(before: Files, files: Files) -> dict[str, str]:
    """The texts of the core's new migrations by name. Each follows the one before it."""
    # A symbolic link would make the update write to another place.
    paths = (MIGRATIONS, VERSIONS, *CORE.rglob("*"))
    if links := [str(path) for path in paths if path.is_symlink()]:
        raise UpdateError(f"Put a file or a folder in place of each link: {', '.join(links)}")
    texts = [path.read_bytes() for path in VERSIONS.glob("*.py")]
    present = set().union(*(_named("revision", text) for text in texts))
    heads = present.difference(*(_named("down_revision", text) for text in texts))
    known = _migrations(before)
    ours = _migrations(files)
    if unknown := (known.keys() - ours.keys()) & present:
        raise UpdateError(
            f"The older release does not know the migrations {', '.join(sorted(unknown))}: go back "
            "before them by `.venv/bin/flask db downgrade`, delete their files, let what follows them "
            "name the one before them as its down_revision, and commit."
        )
    # A project without the core's login has no migration of the core, and gets none. An owner may
    # have put the first ones into another file, which creates the table `logins` too.
    if not (known.keys() & present or any(map(MAKES_LOGINS.search, texts))):
        if added := sorted(ours.keys() - known.keys()):
            print("No migration of secure_flask is here, so none was copied:", ", ".join(added))
        return {}
    # Known ones are not copied: if one is missing, its owner put it into another migration.
    new = [revision for revision in ours if revision not in present | known.keys()]
    if new and len(heads) != 1:
        raise UpdateError(
            "migrations/versions/ has not one head. Run, and commit what it makes: "
            ".venv/bin/flask db merge heads --message merge"
        )
    copied = dict[str, str]()
    head = next(iter(heads), "")
    for revision in new:
        name, text = ours[revision]
        if (VERSIONS / name).exists():
            raise UpdateError(f"There is a migrations/versions/{name} already: rename it.")
        copied[name] = FOLLOWS.sub(f'down_revision = "{head}"', text)
        head = revision
    return copied


def _migrations(files: Files) -> dict[str, tuple[str, str]]:
    """The name in a project and the text of each migration of the core, by revision."""
    found = [(name, data.decode()) for name, data in files.items() if MIGRATION.fullmatch(name)]
    named = sorted(("secure_flask_" + name.rpartition("/")[2], text) for name, text in found)
    return {revision: each for each in named for revision in _named("revision", each[1].encode())}


def _named(field: str, migration: bytes) -> set[str]:
    """The revisions in a field of a migration, which is read without running it."""
    statements = "\n".join(ast.unparse(node) for node in ast.parse(migration).body)
    found = re.search(rf"^{field}\b[^=\n]*= (.*)$", statements, re.MULTILINE)
    return set(re.findall(r"'([^']+)'", found[1])) if found else set()


def _import_error() -> str:
    """The last line of the error of `import app`, by the Python of the project; "" without one."""
    own = [path for path in PROJECT.glob(".venv/*/python*") if path.stem == "python"]
    command = [str(next(iter(own), sys.executable)), "-Bc", "import app"]
    if not (PROJECT / "app" / "__init__.py").exists():
        return ""
    done = subprocess.run(command, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True)  # noqa: S603
    said = _printable(done.stderr).strip() or "It stopped."
    return said.splitlines()[-1] if done.returncode else ""


def _report(before: Files, files: Files, migrations: dict[str, str], error: str) -> None:
    created = [f"secure_flask/{name}" for name in sorted(files.keys() - before.keys())]
    print(_git("diff", "--stat", "--", "secure_flask", "migrations", cwd=PROJECT).decode(), end="")
    for name in [*created, *(f"migrations/versions/{name}" for name in migrations)]:
        print(f" {name} (new)")
    keys, new_keys = (_keys(each.get("SIGNERS", b"")) for each in (before, files))
    for change, changed in (("new", new_keys - keys), ("gone", keys - new_keys)):
        for key in sorted(changed):
            print(f"A key that signs releases is {change}: {key}")
    old, new = (each.get("DEPENDENCIES", b"").decode().splitlines() for each in (before, files))
    # A line with a second word is an optional package. The start checks it if it is installed.
    needed = " ".join(f"'{line}'" for line in new if line not in old and " " not in line)
    # Without a package that the core needs, no app can be imported.
    outdated = bool(error) and not needed
    if outdated:
        print(f"app/ does not run with this core. Update app/ first:\n  {error}")
    print("\n  ".join(["Next:", *_next_steps(needed, outdated)]))
    for text in list(migrations.values())[:1]:
        [former] = _named("down_revision", text.encode())
        print(f"To go back after `db upgrade`: .venv/bin/flask db downgrade {former}")


def _next_steps(needed: str, outdated: bool) -> list[str]:
    install = [f".venv/bin/uv add {needed}"] if needed else []
    app = ["app/: docs/update.md, step 2"]
    test = [".venv/bin/flask db upgrade", "make test check", "commit"]
    return ["commit", *app, *test] if outdated else [*install, *test, *app]


def _changes(changelog: str, old: str, new: str) -> str:
    """The sections of the CHANGELOG after the version `old`, up to `new`."""
    after = _version(old)
    last = _version(new)
    shown = ""
    for section in re.split(r"^(?=## )", changelog, flags=re.MULTILINE):
        if (found := HEADING.match(section)) and after < _version(found[1]) <= last:
            shown += section
    return shown


def _difference(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    for name in sorted((old.keys() | new.keys()) - {"MANIFEST"}):
        a, b = (_printable(each.get(name, b"")).splitlines(keepends=True) for each in (old, new))
        yield from difflib.unified_diff(a, b, f"a/secure_flask/{name}", f"b/secure_flask/{name}")


def _printable(data: bytes) -> str:
    """The text without control characters, which a terminal would obey."""
    text = data.decode("utf-8", "replace")
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())


def _keys(signers: bytes) -> set[str]:
    return set(re.findall(r"^[ \t]*([^#\s].*)", _printable(signers), re.MULTILINE))


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"[0-9]+", text)))


def _address(clone: str | None) -> str:
    if clone and not Path(clone).is_dir():
        raise UpdateError(f"There is no folder {clone!r}: name a clone of the template.")
    if clone:
        return Path(clone).resolve().as_uri()
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    address = str(settings.get("tool", {}).get("secure-flask", {}).get("source", ""))
    if not HTTPS.fullmatch(address):
        raise UpdateError(
            f"pyproject.toml: [tool.secure-flask] source is {address!r}. Write the https address "
            "of the template there, or name a clone: --from ../cookiecutter-secure-flask"
        )
    return address


def _settings_of_user() -> str:
    """The settings of the user that count here: two for https, and whose clones they trust."""
    wanted = r"^(http\.proxy|credential\.helper|safe\.directory)$"
    found = b""
    with suppress(UpdateError):  # none of them is set
        found = _git("config", "--global", "--null", "--get-regexp", wanted, cwd=PROJECT)
    text = ""
    for entry in found.decode("utf-8", "replace").split("\0")[:-1]:
        name, _, value = entry.partition("\n")
        section, _, key = name.partition(".")
        quoted = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        text += f'[{section}]\n{key} = "{quoted}"\n'
    return text


def _git(*arguments: str, cwd: str | Path, environment: Mapping[str, str] | None = None) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True)  # noqa: S603, S607
    except FileNotFoundError:
        raise UpdateError("This needs git: install it.") from None
    if done.returncode:
        # The text is indented, so that a server's line does not look like one of this command.
        raise UpdateError("git says: " + _printable(done.stderr).strip().replace("\n", "\n  "))
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
