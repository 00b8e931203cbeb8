"""`make publish ORG=…`: gives this repository the name and the signing keys of its publisher.

It is needed once, before the first release. It writes the organisation into each address that a
user sees, lists two keys in SIGNERS, dates the entry of the changelog, and makes the check of a
release. Where that fails, every file is as it was. It prints the commands that are left: nothing
leaves this machine before the publisher runs them.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

from tools import manifest

TEMPLATE = Path(__file__).resolve().parents[1]
NAME = "cookiecutter-secure-flask"
# GitHub allows no name with an underscore, so nobody can own an address with this mark, and a
# shell reads it as a word. Any other `YOUR_ORG` stays: a test or a page explains the mark by it.
ADDRESS = re.compile(rf"YOUR_ORG(?=/{NAME}|\.github\.io)")
# https://docs.github.com says which names an organisation may have.
ORGANISATION = re.compile(r"[a-z0-9](?:-?[a-z0-9]){0,38}", re.ASCII | re.IGNORECASE)
SIGNERS = manifest.CORE / "SIGNERS"

LEFT = """
{org}/{name} is ready for v{version}. Look at `git diff`, then run:

    git commit --all --message "Publish as {org}/{name}"
    git -c gpg.format=ssh -c user.signingKey={key} tag --sign --message v{version} v{version}
    git push https://github.com/{org}/{name} HEAD:main
    git push https://github.com/{org}/{name} v{version}

README.md, under "How new it is", and docs/index.md say that nothing is released yet: change that first.

Before the last one, let GitHub publish the docs: Settings > Pages > Source is GitHub Actions, and
Settings > Environments > github-pages allows the tags v*. It allows no tag by itself.

Move the second key, {offline}, to a place without a network. CONTRIBUTING.md, Releasing,
says what each key is for.
"""


def main() -> None:
    arguments = parse_arguments()
    require_clean_tree()
    signing, offline = (arguments.keys / f"{NAME}-{name}" for name in ("release", "offline"))
    keys = [public_key(signing), public_key(offline)]
    version = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))["_version"]
    try:
        write_organisation(arguments.org)
        write_signers(f"release@{arguments.org.lower()}.github.io", keys)
        manifest.main()
        write_date(version)
        run("bash", "tools/release-notes", f"v{version}")
    except BaseException:
        run("git", "checkout", "--quiet", "--", ".")
        raise
    left = {"org": arguments.org, "name": NAME, "version": version}
    print(LEFT.format(**left, key=shlex.quote(str(signing)), offline=offline))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish", description="Publish this template."
    )
    parser.add_argument("org", type=organisation, help="your name on GitHub, such as acme")
    parser.add_argument(
        "--keys",
        type=Path,
        default=Path.home() / ".ssh",
        help=f"where the keys {NAME}-release and {NAME}-offline are, or are made",
    )
    return parser.parse_args()


def organisation(text: str) -> str:
    if not ORGANISATION.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name on GitHub: letters, digits and single hyphens between them"
        )
    return text


def require_clean_tree() -> None:
    if run("git", "status", "--porcelain"):
        sys.exit("There are uncommitted changes: commit them first, so that git can undo this.")


def write_organisation(org: str) -> None:
    for name in run("git", "ls-files", "-z").split("\0"):
        file = TEMPLATE / name
        if name and file.is_file() and (changed := with_organisation(file.read_bytes(), org)):
            file.write_bytes(changed)


def with_organisation(content: bytes, org: str) -> bytes | None:
    """Return the content with this organisation in each address; None where there is none."""
    if b"YOUR_ORG" not in content:
        return None
    return ADDRESS.sub(org, content.decode()).encode()


def write_date(version: str) -> None:
    """Date the entry of a version that the changelog calls not released."""
    file = TEMPLATE / "CHANGELOG.md"
    undated = f"## [{version}] - not released"
    dated = f"## [{version}] - {date.today().isoformat()}"
    file.write_text(file.read_text("utf-8").replace(undated, dated), "utf-8", newline="\n")


def public_key(path: Path) -> str:
    """The public key of this file, which is made where there is none."""
    public = path.with_name(f"{path.name}.pub")
    if not public.exists():
        print(f"Making the key {path}: choose a passphrase.", flush=True)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = ("ssh-keygen", "-q", "-t", "ed25519", "-C", path.name, "-f", str(path))
        if subprocess.run(command).returncode:
            sys.exit(f"ssh-keygen made no {path}.")
    return " ".join(public.read_text("utf-8").split()[:2])


def write_signers(person: str, keys: list[str]) -> None:
    """List the keys below the comment of the file; exit if the file lists other keys."""
    text = SIGNERS.read_text("utf-8")
    comment = "".join(line for line in text.splitlines(True) if line.startswith("#"))
    lines = "".join(f'{person} namespaces="git" {key}\n' for key in keys)
    if text not in (comment, comment + lines):
        sys.exit(
            f"{SIGNERS.relative_to(TEMPLATE)} lists other keys: see CONTRIBUTING.md, The keys."
        )
    SIGNERS.write_text(comment + lines, "utf-8", newline="\n")


def run(*command: str) -> str:
    finished = subprocess.run(command, cwd=TEMPLATE, capture_output=True, encoding="utf-8")
    if finished.returncode:
        sys.exit(finished.stderr or f"This failed: {' '.join(command)}")
    return finished.stdout


if __name__ == "__main__":
    main()
