"""Replaces this folder by that of another release: `python secure_flask/update.py [TAG]`.

A release counts only if its tag is signed by a key of the SIGNERS file that is installed here, and
if its files are exactly those of its MANIFEST. Nothing of it runs before that. Git is the undo:
`git checkout -- secure_flask`. This must run where the package does not, so it uses the standard
library alone and imports nothing of the package. Source: SLSA v1.0, "Verifying artifacts".
"""

import argparse
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
from typing import NamedTuple

CORE = Path(__file__).resolve().parent
PROJECT = CORE.parent
VERSIONS = PROJECT / "migrations" / "versions"
# Where the folder lies in the repository of the template; taken literally.
THERE = "{" + "{cookiecutter.project_slug}" + "}/secure_flask"
TAG = re.compile(r"v((?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2})", re.ASCII)
HTTPS = re.compile(r"https://[A-Za-z0-9][!-~]*")
# No part begins with a dot or a hyphen, so neither `..` nor `.git` can occur.
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
MIGRATION = re.compile(r"(?:accounts/)?migrations/[0-9]{4}_[a-z0-9_]+\.py")
REVISION = re.compile(r"^revision\b[^=\n]*= [\"']([^\"'\n]+)[\"']$", re.MULTILINE)
FOLLOWS = re.compile(r"^down_revision\b[^=\n]*= [\"']?([^\"'\n]+)[\"']?$", re.MULTILINE)
REQUIRED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:>=([0-9.]+))?")

Files = dict[str, bytes]
Version = tuple[int, ...]


class UpdateError(Exception):
    """Why nothing was updated, and what to do."""


class Release(NamedTuple):
    """The files of the folder at a tag, and the CHANGELOG beside it."""

    version: Version
    files: Files
    changelog: str


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            template = Template(folder, options)
            return _check(template) if options.check else _update(template, options)
    except UpdateError as error:
        print(error, file=sys.stderr)
        return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="update.py", description="Update secure_flask/.")
    parser.add_argument("tag", nargs="?", help="as v1.2.3; without one, the newest")
    parser.add_argument(
        "--check", action="store_true", help="only say whether there is a newer one"
    )
    parser.add_argument("--diff", action="store_true", help="only show what would change")
    parser.add_argument("--downgrade", action="store_true", help="take a lower version")
    parser.add_argument("--replace-edits", action="store_true", help="show and lose edits of files")
    parser.add_argument("--unsigned", action="store_true", help="only while SIGNERS is empty")
    parser.add_argument("--from", dest="clone", help="a clone of the template on this machine")
    return parser.parse_args(arguments)


def _check(template: "Template") -> int:
    """Say whether there is a newer release; 1 if there is."""
    tag, installed = template.newest(), _installed()
    if _version(tag) <= installed:
        print(f"secure_flask {_text(installed)} is the newest release.")
        return 0
    release = template.release(tag)
    print(f"{tag} is newer than {_text(installed)}. Run: python secure_flask/update.py {tag}\n")
    print("\n".join(_changes(release, installed)))
    return 1


def _update(template: "Template", options: argparse.Namespace) -> int:
    tag, installed, before = options.tag or template.newest(), _installed(), _read_core()
    if not TAG.fullmatch(tag):
        raise UpdateError(f"{tag!r} is no tag of a release: write one like v1.2.3.")
    if _version(tag) < installed and not options.downgrade:
        raise UpdateError(f"{tag} is older than {_text(installed)}: add --downgrade to take it.")
    if not options.diff:
        _refuse_uncommitted()
    release = template.release(tag)
    files = _wanted(release.files)
    if options.diff:
        print("".join(_difference(before, files)), end="")
        return 0
    _refuse_edits(template, options)
    migrations = _new_migrations(before, files)
    _write(files)
    for name, text in migrations.items():
        (VERSIONS / name).write_text(text, "utf-8")
    _report(before, release, installed, migrations)
    return 0


class Template:
    """What was fetched from the template, as objects in a repository that has no work tree."""

    def __init__(self, folder: str, options: argparse.Namespace) -> None:
        self.folder, self.unsigned = folder, options.unsigned
        self.address = _clone(options.clone) if options.clone else _source()
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        # No configuration counts but the proxy and the passwords that a company may need for https.
        self.environment = {
            **own,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ALLOW_PROTOCOL": "file" if options.clone else "https",
            "GIT_TERMINAL_PROMPT": "0",
        }
        self.connection: list[str] = []
        for name in ("http.proxy", "credential.helper"):
            with suppress(UpdateError):  # it is not set
                found = _git("config", "--global", "--get-all", name, cwd=PROJECT).decode()
                values = found.splitlines()
                self.connection += [part for each in values for part in ("-c", f"{name}={each}")]
        self.git("init", "--quiet", "--template=")

    def git(self, *arguments: str) -> bytes:
        return _git(*self.connection, *arguments, cwd=self.folder, environment=self.environment)

    def newest(self) -> str:
        """The tag of the highest number. A tag of another form is left out, and never shown."""
        listed = self.git("ls-remote", "--tags", "--refs", "--", self.address).decode()
        names = (line.rpartition("refs/tags/")[2] for line in listed.splitlines())
        tags = [name for name in names if TAG.fullmatch(name)]
        if not tags:
            raise UpdateError("The template has no release yet.")
        return max(tags, key=_version)

    def release(self, tag: str) -> Release:
        """The release of a tag, if it is signed, and named and complete as it says itself."""
        commit = self._commit(tag)
        files = self._files(commit)
        listed = _listed(files.get("MANIFEST", b""))
        hashes = {name: _hash(data) for name, data in files.items() if name != "MANIFEST"}
        if listed != hashes or f"v{files.get('VERSION', b'').decode().strip()}" != tag:
            raise UpdateError(f"The files of {tag} are not those of its MANIFEST and VERSION.")
        changelog = self.git("cat-file", "blob", f"{commit}:CHANGELOG.md")
        return Release(_version(tag), files, _printable(changelog))

    def originals(self) -> Files:
        """The files of the installed release before they were edited, by its MANIFEST."""
        listed = _listed(_read_core().get("MANIFEST", b""))
        try:
            files = self._files(self._commit(f"v{_text(_installed())}"))
        except UpdateError:
            return {}
        return {name: data for name, data in files.items() if listed.get(name) == _hash(data)}

    def _commit(self, tag: str) -> str:
        """The commit of a signed tag."""
        name = f"refs/tags/{tag}"
        options = ("--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules")
        self.git("fetch", *options, "--", self.address, f"{name}:{name}")
        tagged = self.git("rev-parse", "--verify", name).decode().strip()
        if self.git("cat-file", "-t", tagged).strip() != b"tag":
            raise UpdateError(f"{tag} is no annotated tag, so nobody signed it.")
        head = self.git("cat-file", "tag", tagged).partition(b"\n\n")[0].decode()
        fields = dict(line.partition(" ")[::2] for line in head.splitlines())
        # An older release under a new name has a signature that is right.
        if (fields.get("type"), fields.get("tag")) != ("commit", tag):
            raise UpdateError(f"{tag} was made under another name.")
        self._verify(tag, tagged)
        return fields["object"]

    def _verify(self, tag: str, tagged: str) -> None:
        signers = CORE / "SIGNERS"
        if not _keys(signers.read_bytes()):
            if self.unsigned:
                return
            raise UpdateError(
                "secure_flask/SIGNERS is empty: no key signs releases yet. Read what you take by "
                "--diff --unsigned, then update with --unsigned."
            )
        if not shutil.which("ssh-keygen"):
            raise UpdateError("This needs ssh-keygen, which verifies tags: install OpenSSH.")
        # A signature of another kind would be judged by the keys of the user.
        other_kinds = ("gpg.program", "gpg.openpgp.program", "gpg.x509.program")
        configured = [f"{name}=no-such-program" for name in other_kinds]
        configured.append(f"gpg.ssh.allowedSignersFile={signers}")
        try:
            self.git(*(part for each in configured for part in ("-c", each)), "verify-tag", tagged)
        except UpdateError:
            raise UpdateError(f"{tag} is not signed by a key of secure_flask/SIGNERS.") from None

    def _files(self, commit: str) -> Files:
        """The files of the folder, from the objects: no link, attribute or filter counts."""
        files = Files()
        listed = self.git("ls-tree", "-r", "-z", f"{commit}:{THERE}").decode("utf-8", "replace")
        for entry in filter(None, listed.split("\0")):
            described, _, name = entry.partition("\t")
            mode, _, blob = described.split()
            if mode != "100644" or not FILE.fullmatch(name):
                raise UpdateError(
                    "A file of the release is a link, or its name is none for a file."
                )
            files[name] = self.git("cat-file", "blob", blob)
        return files


def edits(core: Path = CORE) -> list[str]:
    """Each file that is not as MANIFEST lists it, as in "edited: web/csp.py"; caches are left out.

    :raises FileNotFoundError: there is no MANIFEST.
    """
    files = _read_core(core)
    listed = _listed((core / "MANIFEST").read_bytes())
    present = {name: _hash(data) for name, data in files.items() if name != "MANIFEST"}
    if not (core / "accounts").exists():
        listed = {name: value for name, value in listed.items() if not _is_optional(name)}
    words = {(True, True): "edited", (True, False): "missing", (False, True): "added"}
    return [
        f"{words[name in listed, name in present]}: {name}"
        for name in sorted(listed.keys() | present.keys())
        if listed.get(name) != present.get(name)
    ]


def manifest(core: Path = CORE) -> str:
    """The text of MANIFEST, in the form of sha256sum."""
    files = sorted(_read_core(core).items())
    return "".join(f"{_hash(data)}  {name}\n" for name, data in files if name != "MANIFEST")


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


def _hash(data: bytes) -> str:
    # Git may check a text file out with the line ends of the system.
    return sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def _is_optional(name: str) -> bool:
    return name.startswith("accounts/")


def _refuse_uncommitted() -> None:
    if _git("status", "--porcelain", "--", "secure_flask", "migrations", cwd=PROJECT).strip():
        raise UpdateError(
            "secure_flask/ or migrations/ has changes that are not committed: commit them, so that "
            "git can undo the update. After one that was interrupted, run instead:\n"
            "git checkout -- secure_flask && git clean --force -- secure_flask migrations/versions"
        )


def _refuse_edits(template: Template, options: argparse.Namespace) -> None:
    """Refuse to lose edits of the folder; with --replace-edits show them, and let them go."""
    found = edits() if (CORE / "MANIFEST").exists() else ["missing: MANIFEST"]
    if found and not options.replace_edits:
        said = "\n  ".join(["secure_flask/ was edited, and an update replaces it:", *found])
        raise UpdateError(
            f"{said}\ndocs/update.md says where such a change can go. To lose it: --replace-edits"
        )
    if found:
        originals, present = template.originals(), _read_core()
        names = [line.partition(": ")[2] for line in found]
        old, new = ({name: each.get(name, b"") for name in names} for each in (originals, present))
        print("These edits are lost:\n" + "".join(_difference(old, new)))


def _wanted(files: Files) -> Files:
    """What the project takes: `accounts/` only where it has that."""
    has_accounts = (CORE / "accounts").exists()
    return {name: data for name, data in files.items() if has_accounts or not _is_optional(name)}


def _write(files: Files) -> None:
    for name in _read_core().keys() - files.keys():
        (CORE / name).unlink()
    for name, data in files.items():
        path = CORE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.resolve() != path.parent:
            raise UpdateError(f"{path.parent} is a link: put a folder there.")
        # Through a link, another file would be written.
        path.unlink(missing_ok=True)
        path.write_bytes(data)


def _new_migrations(before: Files, files: Files) -> dict[str, str]:
    """The migrations of the core that the project lacks, by name, each behind the one before it."""
    texts = [path.read_text("utf-8") for path in VERSIONS.glob("*.py")]
    present = {_found(REVISION, text) for text in texts}
    heads = present - {_found(FOLLOWS, text) for text in texts}
    known, ours = (_migrations(each) for each in (before, files))
    unknown = {_found(REVISION, text) for text in known.values()} & present - {
        _found(REVISION, text) for text in ours.values()
    }
    if unknown:
        raise UpdateError(
            f"The older release does not know the migrations {', '.join(sorted(unknown))}: go back "
            "before them by `flask db downgrade`, delete their files, and commit."
        )
    if len(heads) != 1:
        raise UpdateError("migrations/versions/ has not one head: run `flask db merge heads`.")
    [head], copied = heads, {}
    for name, text in sorted(ours.items()):
        if _found(REVISION, text) not in present:
            copied[name] = FOLLOWS.sub(f'down_revision = "{head}"', text)
            head = _found(REVISION, text)
    return copied


def _migrations(files: Files) -> dict[str, str]:
    found = {name: data.decode() for name, data in files.items() if MIGRATION.fullmatch(name)}
    return {name.rpartition("/")[2]: text for name, text in found.items()}


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""


def _report(before: Files, release: Release, old: Version, migrations: Mapping[str, str]) -> None:
    print("\n".join(_changes(release, old)))
    for name in migrations:
        print(f"Copied into migrations/versions/: {name}")
    keys, new_keys = (_keys(each.get("SIGNERS", b"")) for each in (before, release.files))
    for change, changed in (("new", new_keys - keys), ("gone", keys - new_keys)):
        for key in sorted(changed):
            print(f"A key that signs releases is {change}: {key}")
    if missing := missing_dependencies(release.files.get("DEPENDENCIES", b"").decode()):
        print(f"The core needs more: uv add {' '.join(missing)}")
    print(_git("diff", "--stat", "--", "secure_flask", "migrations", cwd=PROJECT).decode())
    print("Next: flask db upgrade, make test, make check, then commit.")


def missing_dependencies(listed: str) -> list[str]:
    """What DEPENDENCIES lists and pyproject.toml lacks, or has in a lower version."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    given = dict(map(_requirement, project["dependencies"]))
    wanted = {text: _requirement(text) for text in listed.split()}
    return [f"'{text}'" for text, (name, lowest) in wanted.items() if given.get(name, ()) < lowest]


def _requirement(text: str) -> tuple[str, Version]:
    found = REQUIRED.match(text)
    name, lowest = (found[1], found[2] or "0") if found else (text, "0")
    return re.sub(r"[-_.]+", "-", name).lower(), _version(lowest)


def _changes(release: Release, old: Version) -> Iterator[str]:
    """The lines of the CHANGELOG about what is newer than `old`, up to the release."""
    shown = False
    for line in release.changelog.splitlines():
        if line.startswith("## "):
            found = re.search(r"[0-9]+\.[0-9]+\.[0-9]+", line)
            shown = found is not None and old < _version(found[0]) <= release.version
        if shown:
            yield line


def _difference(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        lines = [_printable(each.get(name, b"")).splitlines(keepends=True) for each in (old, new)]
        yield from difflib.unified_diff(*lines, f"a/secure_flask/{name}", f"b/secure_flask/{name}")


def _printable(data: bytes) -> str:
    """A text without what a terminal would obey."""
    text = data.decode("utf-8", "replace")
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())


def _keys(signers: bytes) -> set[str]:
    lines = map(str.strip, _printable(signers).splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def _installed() -> Version:
    return _version((CORE / "VERSION").read_text("utf-8").strip())


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.removeprefix("v").split(".") if part)


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def _source() -> str:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    address = str(settings.get("tool", {}).get("secure-flask", {}).get("source", ""))
    if not HTTPS.fullmatch(address):
        raise UpdateError(
            f"pyproject.toml: [tool.secure-flask] source is {address!r}. Write the https address "
            "of the template there, or name a clone: --from ../cookiecutter-secure-flask"
        )
    return address


def _clone(folder: str) -> str:
    if not Path(folder).is_dir():
        raise UpdateError(f"There is no folder {folder!r}: name a clone of the template.")
    return Path(folder).resolve().as_uri()


def _git(*arguments: str, cwd: str | Path, environment: Mapping[str, str] | None = None) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True)
    except FileNotFoundError:
        raise UpdateError("This needs git: install it.") from None
    if done.returncode:
        raise UpdateError(f"git says: {_printable(done.stderr).strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
