"""`python -m secure_flask.settings [FILE]` writes a `.env`, or adds the secrets that a file lacks.

Lines are only ever added at the end, so an interruption loses no key. Source: OWASP ASVS 13.3.1.
"""

import os
import secrets
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from secure_flask.settings import ENV_FILE, SettingsError, keyrings, names_in_file


def fresh_secrets() -> dict[str, str]:
    """Generate a value for each secret, including the secrets of every token type."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ENCRYPTION_KEYS": keyrings.new_key(),
        "BLIND_INDEX_KEYS": keyrings.new_key(),
        "TOKEN_KEYS": keyrings.new_key(),
    }


def main(path: Path = ENV_FILE) -> None:
    """Complete the file, or exit with a sentence where it cannot be read."""
    # Only a new .env of this project is for development: elsewhere no APP_ENV means production.
    new = path.absolute() == ENV_FILE.absolute() and not path.exists()
    wanted = {**({"APP_ENV": "development"} if new else {}), **fresh_secrets()}
    try:
        given = names_in_file(path)
    except SettingsError as error:
        sys.exit(error.message)
    missing = {name: value for name, value in wanted.items() if name not in given}
    if missing:
        _refuse_unless_ignored(path)
        _add(path, missing)
    print(f"Added to {path.name}: {', '.join(missing) or 'nothing, it has every secret'}")
    if "APP_ENV" not in given | missing.keys():
        print("It sets no APP_ENV, which means production; for development add APP_ENV=development")


def _refuse_unless_ignored(path: Path) -> None:
    """Exit where git would commit the secrets; outside a repository, or without git, do nothing."""
    git = shutil.which("git")
    if git is None:
        return
    # The exit code of git is 0 for an ignored file, 1 for another, 128 outside a repository.
    asked = [
        git,
        "-C",
        str(path.absolute().parent),
        "check-ignore",
        "--quiet",
        str(path.absolute()),
    ]
    if subprocess.run(asked, stderr=subprocess.DEVNULL, check=False).returncode == 1:  # noqa: S603 - git
        sys.exit(
            f"Nothing was written: git does not ignore {path}, so a commit would publish its "
            f"secrets. Add the line {path.name} to .gitignore. If git has the file already, also "
            f"run: git rm --cached {path.name}"
        )


def _add(path: Path, values: dict[str, str]) -> None:
    # Only the owner may read a new file: it holds secrets.
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    with open(descriptor, "a", encoding="utf-8") as file:
        # Everybody may read a copy of .env.example. A group was given the file on purpose.
        if os.fstat(descriptor).st_mode & stat.S_IRWXO:
            path.chmod(0o600)
        text = path.read_text("utf-8")
        file.write("" if not text or text.endswith("\n") else "\n")
        file.writelines(f"{name}={value}\n" for name, value in values.items())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
