"""`flask check`: finds insecure or missing settings and unreachable services.

With `--deploy` the production rules apply too, and the command sends test requests to the
app over https. With `--url` it asks the deployed site too. Source: OWASP ASVS 13.4.2.
"""

import json
from importlib import import_module
from logging import CRITICAL, ERROR, INFO, WARNING
from pkgutil import walk_packages

import click
from flask import Flask, current_app, g
from flask.cli import with_appcontext

from app import checks
from app.checks.accepted import check_accepted
from app.checks.outside.site import Site
from app.checks.registry import Finding, findings
from app.db.database import REQUEST_TIMEOUTS
from app.security.origins import is_origin

# Each module of this folder, so that it registers its checks.
for module in walk_packages(checks.__path__, f"{checks.__name__}."):
    import_module(module.name)

LEVELS = {"error": ERROR, "warning": WARNING, "info": INFO}
FAIL_LEVELS = {**LEVELS, "never": CRITICAL}
NAMES = {level: name for name, level in LEVELS.items()}


def _origin(context: click.Context, parameter: click.Parameter, url: str | None) -> str | None:
    origin = url.removesuffix("/").removesuffix(":443") if url else None
    if origin and not (origin.startswith("https://") and is_origin(origin)):
        raise click.BadParameter(
            "write the scheme and the name alone, as in https://www.example.org"
        )
    if origin and not context.params.get("deploy"):
        raise click.BadParameter("write --deploy too: a deployed site is judged as production")
    return origin


@click.command("check")
@click.option(
    "--deploy", is_flag=True, is_eager=True, help="Apply production rules, and send test requests."
)
@click.option(
    "--url", metavar="URL", callback=_origin, help="With --deploy: ask this site from outside too."
)
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    default=80,
    help="The port of the site that redirects to https. Default: 80.",
)
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
    url: str | None,
    http_port: int,
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
    # For the checks of app/checks/outside/.
    g.site = Site(current_app, url, http_port) if url else None
    asked = [item for item in findings(current_app, deploy=deploy) if item.id not in accept]
    found = [finding for finding in asked if finding.id not in by_policy]
    accepted = sorted({finding.id for finding in asked} & by_policy.keys())
    click.echo(_as_json(found, accepted) if form == "json" else _as_text(found, accepted))
    threshold = FAIL_LEVELS[fail_level or ("warning" if deploy else "error")]
    if any(finding.level >= threshold for finding in found):
        click.get_current_context().exit(1)


def init_app(app: Flask) -> None:
    app.cli.add_command(check_command)


def _as_text(found: list[Finding], accepted: list[str]) -> str:
    lines = [
        f"{NAMES[finding.level].upper()} {finding.id}: {_plain(finding.message)}\n    {finding.hint}"
        for finding in found
    ]
    counts = ", ".join(f"{name}s: {number}" for name, number in _count(found).items())
    left_out = f", accepted: {len(accepted)} ({', '.join(accepted)})" if accepted else ""
    return "\n".join([*lines, counts + left_out])


def _plain(message: str) -> str:
    # A message may quote headers of a hostile site, which must not control the terminal.
    return "".join(each if each.isprintable() else "?" for each in message)


def _as_json(found: list[Finding], accepted: list[str]) -> str:
    listed = [{**finding._asdict(), "level": NAMES[finding.level]} for finding in found]
    return json.dumps({"findings": listed, "counts": _count(found), "accepted": accepted}, indent=2)


def _count(found: list[Finding]) -> dict[str, int]:
    return {
        name: sum(finding.level == level for finding in found) for name, level in LEVELS.items()
    }
