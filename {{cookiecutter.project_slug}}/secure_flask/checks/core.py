"""Compares secure_flask/ with its MANIFEST: an edit of the folder is lost at the next update.

It also finds files of accounts that nothing uses, and commands of the app that have replaced one of
secure_flask, which Flask does silently. Source: OWASP ASVS 15.2.1, 15.2.4.
"""

from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from secure_flask.auth.users import ACCOUNT_RULES
from secure_flask.checks import Finding, register_check
from secure_flask.database.command_group import COMMANDS
from secure_flask.state import app_state


@register_check("core.edited", "error")
def edited_files(app: Flask) -> Iterator[Finding]:
    for edit in _edits() or ():
        yield Finding(
            f"secure_flask/ is not as its release has it: {edit}",
            hint="An update replaces the folder: docs/update.md says where such a change can go. "
            "While it must stay, write the reason into ACCEPTED_FINDINGS.",
        )


@register_check("core.unknown", "warning")
def missing_manifest(app: Flask) -> Iterator[Finding]:
    if _edits() is None:
        yield Finding(
            "secure_flask/ has no MANIFEST, so nobody can tell whether its files were edited.",
            hint="Take the file from git. Accept this where the app is one file, frozen by a tool.",
        )


@register_check("core.leftovers", "error")
def leftovers(app: Flask) -> Iterator[Finding]:
    accounts = Path(__file__).parents[1] / "accounts"
    leftover = {
        # The file tells the rendered folder from an owner's of the same name.
        "app/accounts, app/templates/accounts and app/static/accounts": (
            Path(app.root_path) / "accounts" / "sign_up.py"
        ),
        "secure_flask/accounts, and migrations/versions/0002_accounts.py": accounts,
    }
    there = [names for names, path in leftover.items() if path.exists()]
    if ACCOUNT_RULES in app_state(app) or len(there) < len(leftover):
        return
    for names in there:
        yield Finding(
            f"Nothing uses {names}, which was rendered without the hook that removes it.",
            hint="Delete it.",
        )


@register_check("commands.replaced", "error")
def replaced_commands(app: Flask) -> Iterator[Finding]:
    for name, command in app_state(app)[COMMANDS].items():
        if app.cli.commands.get(name) is not command:
            yield Finding(
                f"A command of the app replaces `flask {name}` of secure_flask.",
                hint="Give it another name.",
            )


def _edits() -> list[str] | None:
    # The import is here, since only this command needs its modules.
    from secure_flask import update

    try:
        return update.find_edits()
    except FileNotFoundError:
        return None
