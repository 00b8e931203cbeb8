"""`flask check`: finds insecure or missing settings and unreachable services.

With `--deploy` the production rules apply too, and the command sends test requests to the
app over https. Source: OWASP ASVS 13.4.2.
"""

import json
from logging import CRITICAL, ERROR, INFO, WARNING

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from secure_flask.checks import (  # noqa: F401 - each registers its checks
    access,
    csp,
    hosts,
    names,
    proxies,
    responses,
    secrets,
    service_tls,
    services,
    settings,
)
from secure_flask.checks.accepted import check_accepted
from secure_flask.checks.registry import Finding, findings
from secure_flask.database.database import REQUEST_TIMEOUTS

LEVELS = {"error": ERROR, "warning": WARNING, "info": INFO}
FAIL_LEVELS = {**LEVELS, "never": CRITICAL}
NAMES = {level: name for name, level in LEVELS.items()}
UNSEEN = (
    "Not seen from here: the certificate, and what the proxy adds, changes or answers by itself. "
    "Ask the site from outside with MDN Observatory and testssl.sh."
)


@click.command("check")
@click.option("--deploy", is_flag=True, help="Apply production rules, and send test requests.")
@click.option("--accept", metavar="ID", multiple=True, help="Ignore this finding; repeatable.")
@click.option(
    "--fail-level",
    type=click.Choice(list(FAIL_LEVELS)),
    help="The lowest level that fails. Default: error, or warning with --deploy.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@with_appcontext
def check_command(
    deploy: bool,
    accept: tuple[str, ...],
    fail_level: str | None,
    form: str,
) -> None:
    """Report insecure or missing settings and unreachable services, with advice.

    ACCEPTED_FINDINGS in app/policy.py leaves out findings that you accept, with the reason.
    """
    click.get_current_context().meta[REQUEST_TIMEOUTS] = True
    by_policy: dict[str, str] = current_app.config["ACCEPTED_FINDINGS"]
    check_accepted(by_policy)
    asked = [item for item in findings(current_app, deploy=deploy) if item.id not in accept]
    found = [finding for finding in asked if finding.id not in by_policy]
    accepted = sorted({finding.id for finding in asked} & by_policy.keys())
    click.echo(_as_json(found, accepted) if form == "json" else _as_text(found, accepted))
    if deploy and form == "text":
        click.echo(UNSEEN, err=True)
    threshold = FAIL_LEVELS[fail_level or ("warning" if deploy else "error")]
    if any(finding.level >= threshold for finding in found):
        click.get_current_context().exit(1)


def init_app(app: Flask) -> None:
    app.cli.add_command(check_command)


def _as_text(found: list[Finding], accepted: list[str]) -> str:
    lines = [
        f"{NAMES[finding.level].upper()} {finding.id}: {finding.message}\n    {finding.hint}"
        for finding in found
    ]
    counts = ", ".join(f"{name}s: {number}" for name, number in _count(found).items())
    left_out = f", accepted: {len(accepted)} ({', '.join(accepted)})" if accepted else ""
    return "\n".join([*lines, counts + left_out])


def _as_json(found: list[Finding], accepted: list[str]) -> str:
    listed = [{**finding._asdict(), "level": NAMES[finding.level]} for finding in found]
    return json.dumps({"findings": listed, "counts": _count(found), "accepted": accepted}, indent=2)


def _count(found: list[Finding]) -> dict[str, int]:
    return {
        name: sum(finding.level == level for finding in found) for name, level in LEVELS.items()
    }
