"""`flask check`: finds insecure or missing settings and unreachable services.

With `--deploy` the production rules apply too, and the command sends test requests to the app
over https. ACCEPTED_FINDINGS in policy.py leaves out findings that you accept, with the reason.
Source: OWASP ASVS 13.4.2.
"""

from collections.abc import Iterable

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from secure_flask.checks import (  # noqa: F401 - each registers its checks
    CHECKS,
    LEVELS,
    Finding,
    core,
    find_all_findings,
    policy,
    responses,
    services,
    settings,
    templates,
)
from secure_flask.database.command_group import add_command

UNSEEN = (
    "Not seen from here: the certificate, the published ports of a container, a file of settings "
    "that only systemd or Docker reads, and what the proxy adds, changes or answers by itself. Ask "
    "the site from outside with MDN Observatory and testssl.sh."
)
# This is a note and no finding, since another environment may need the entry.
UNUSED = (
    "NOTE ACCEPTED_FINDINGS accepts nothing here by {}.\n"
    "    Remove it if no environment needs it: it would hide the next such finding."
)


@click.command("check")
@click.option("--deploy", is_flag=True, help="Apply production rules, and send test requests.")
@click.option(
    "--fail-level",
    type=click.Choice([*LEVELS, "never"]),
    help="The lowest level that fails. Default: error, or warning with --deploy.",
)
@with_appcontext
def check_command(deploy: bool, fail_level: str | None) -> None:
    """Report insecure or missing settings and unreachable services, with advice."""
    accepted = current_app.config["ACCEPTED_FINDINGS"]
    _require_known(accepted)
    asked = find_all_findings(current_app, deploy=deploy)
    found = [finding for finding in asked if not any(_begins(finding, key) for key in accepted)]
    left_out = sorted(key for key in accepted if any(_begins(finding, key) for finding in asked))
    # Only an entry whose check ran can be unused. Without --deploy some checks do not run.
    unused = [key for key in accepted if deploy or not CHECKS[_id(key)].deploy]
    click.echo(_as_text(found, left_out, sorted({*unused} - {*left_out})))
    if deploy:
        click.echo(UNSEEN, err=True)
    threshold = fail_level or ("warning" if deploy else "error")
    failing = LEVELS[: LEVELS.index(threshold) + 1] if threshold in LEVELS else ()
    if any(finding.level in failing for finding in found):
        click.get_current_context().exit(1)


def init_app(app: Flask) -> None:
    add_command(app, check_command)


def _id(key: str) -> str:
    return key.partition(":")[0]


def _begins(finding: Finding, key: str) -> bool:
    """Whether a key of ACCEPTED_FINDINGS is the id, or the id and whole words of the message."""
    return f"{finding.id}: {finding.message} ".startswith((f"{key}:", f"{key} "))


def _require_known(accepted: Iterable[str]) -> None:
    """Refuse entries with an id that no check has."""
    for finding_id in accepted:
        if _id(finding_id) not in CHECKS:
            raise click.ClickException(
                f"policy.py: ACCEPTED_FINDINGS names {finding_id!r}, and no check has that id. "
                f"Write one of these: {', '.join(sorted(CHECKS))}."
            )


def _as_text(found: list[Finding], accepted: list[str], unused: list[str]) -> str:
    lines = [f"{each.level.upper()} {each.id}: {each.message}\n    {each.hint}" for each in found]
    levels = [finding.level for finding in found]
    counts = ", ".join(f"{level}s: {levels.count(level)}" for level in LEVELS)
    left_out = f", accepted: {len(accepted)} ({', '.join(accepted)})" if accepted else ""
    notes = [UNUSED.format(each) for each in unused]
    return "\n".join([*lines, *notes, counts + left_out])
