"""Compares this folder with its MANIFEST: an edit here is lost at the next update.

Source: OWASP ASVS 15.2.1, 15.2.4.
"""

from collections.abc import Iterable

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


def _edits() -> list[str] | None:
    # Only this command needs what that imports.
    from secure_flask import update

    try:
        return update.edits()
    except FileNotFoundError:
        return None
