"""Shows the policy in force: `flask policy`, and one line of the log when a server starts.

Source: OWASP Logging Vocabulary Cheat Sheet, sys_startup.
"""

from collections.abc import Container, Mapping

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from secure_flask.database.command_group import add_command
from secure_flask.settings import SETTINGS
from secure_flask.state import app_state
from secure_flask.web import audit, csp
from secure_flask.web.connection_allowlist import find_allowlist, resolve_links
from secure_flask.web.cors import CORS_ORIGINS
from secure_flask.web.csp import serialize_directives
from secure_flask.web.headers import TRANSPORT, Kind, fixed_headers
from secure_flask.web.hosts import TRUSTED_HOSTS
from secure_flask.web.serving import serves_requests


@click.command("policy")
@with_appcontext
def policy_command() -> None:
    """Show the policy that is in force, and where each part comes from."""
    config = current_app.config
    name = getattr(config["CSP"], "name", None)
    level = f"the level {name}" if name else "written out in app/policy.py"
    directives = {each: " ".join(listed) for each, listed in csp.page_policy(config).items()}
    _show(f"Content-Security-Policy of pages, {level}:", directives, config["CSP_CHANGES"])
    changes = config["HEADER_CHANGES"]
    removed = {each: "(removed)" for each, value in changes.items() if value is None}
    sent = fixed_headers(config, Kind.PAGE, "https")
    for each in TRANSPORT.keys() & sent:
        sent[each] += " (over https)"
    if allowlist := find_allowlist(config, csp.csp_overrides(current_app), "https"):
        title = f"{allowlist.header}: where any page may lead beside this site, by what names it:"
        _show(title, _by_place(allowlist.patterns), ())
    _show("Headers of pages:", {**sent, **removed}, changes)
    fields = app_state(current_app)[SETTINGS].policy.model_fields
    others = {each: config[each] for each in sorted(fields) if each not in _SHOWN}
    changed = [each for each, value in others.items() if value != fields[each].default]
    _show("Other values:", {**others, "LINKS": resolve_links(config)}, changed)


def log_startup(app: Flask) -> None:
    """Log the policy that a server enforces. None of it is secret."""
    if app.testing or not serves_requests():
        return
    policy = csp.page_policy(app.config)
    origins = app_state(app)[CORS_ORIGINS]
    trusted = app_state(app)[TRUSTED_HOSTS]
    with app.app_context():
        audit.record(
            audit.STARTUP,
            production=app.config["PRODUCTION"],
            csp=serialize_directives(policy),
            csp_report_only=app.config["CSP_REPORT_ONLY"],
            framing=" ".join(policy["frame-ancestors"]),
            cors_origins=" ".join(sorted(origins)),
            trusted_hosts=" ".join(sorted(trusted)),
            proxy_hops=app.config["PROXY_HOPS"],
            token_type=app.config["TOKEN_TYPE"],
        )


def init_app(app: Flask) -> None:
    add_command(app, policy_command)


_SHOWN = {"CSP", "CSP_CHANGES", "HEADER_CHANGES"}


def _by_place(patterns: Mapping[str, str]) -> dict[str, str]:
    places: dict[str, list[str]] = {}
    for pattern, place in patterns.items():
        places.setdefault(place, []).append(pattern)
    return {place: " ".join(listed) for place, listed in places.items()}


def _show(title: str, values: Mapping[str, object], changed: Container[str]) -> None:
    click.echo(title)
    for name, value in values.items():
        click.echo(f"  {name}: {value}{'  <- app/policy.py' if name in changed else ''}")
