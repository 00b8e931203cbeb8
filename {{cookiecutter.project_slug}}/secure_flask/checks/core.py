"""Compares this folder with its MANIFEST: an edit here is lost at the next update.

Source: OWASP ASVS 15.2.1, 15.2.4.
"""

from collections.abc import Iterable
from pathlib import Path

from flask import Flask
from secure_flask.checks.registry import check


@check("core.edited", "error")
def edited_files(app: Flask) -> Iterable[str]:
    """secure_flask/ is not as its release has it: {}

    An update replaces the folder: docs/update.md says where such a change can go. While it must
    stay, write the reason into ACCEPTED_FINDINGS.
    """
    return _edits() or ()


@check("core.unknown", "warning")
def missing_manifest(app: Flask) -> bool:
    """secure_flask/ has no MANIFEST, so nobody can tell whether its files were edited.

    Take the file from git. Accept this where the app is one file, frozen by a tool.
    """
    return _edits() is None


@check("core.leftovers", "error")
def leftovers(app: Flask) -> Iterable[str]:
    """Nothing uses {}, which was rendered without the hook that removes it.

    Delete it.
    """
    folders = {
        "app/accounts, app/templates/accounts and app/static/accounts": Path(app.root_path),
        "secure_flask/accounts, and migrations/versions/0002_accounts.py": Path(__file__).parents[
            1
        ],
    }
    there = [name for name, parent in folders.items() if (parent / "accounts").exists()]
    used = "second_factor" in app.extensions or len(there) < len(folders)
    return [] if used else there


def _edits() -> list[str] | None:
    # Only this command needs what that imports.
    from secure_flask import update

    try:
        return update.edits()
    except FileNotFoundError:
        return None
