"""Compares this folder with its MANIFEST: an edit here is lost at the next update.

Source: OWASP ASVS 15.2.1, 15.2.4.
"""

from collections.abc import Iterable

from flask import Flask
from secure_flask import update
from secure_flask.checks.registry import check


@check("core.edited", "error")
def edited_core(app: Flask) -> Iterable[str]:
    """secure_flask/ is not as its release has it: {}

    An update replaces the folder: docs/update.md says where such a change can go. While it must
    stay, write the reason into ACCEPTED_FINDINGS.
    """
    try:
        return update.edits()
    except FileNotFoundError:
        return ["it has no MANIFEST, so nobody can tell"]
