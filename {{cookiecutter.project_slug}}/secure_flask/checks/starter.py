"""Finds what visitors still see of the template: its start page and its description."""

from collections.abc import Iterator

from flask import Flask
from secure_flask.checks.registry import Finding, register_check
from secure_flask.state import app_state
from secure_flask.web.hosts import TRUSTED_HOSTS
from werkzeug.test import Client

# The template's start page contains MARK, and the template suggests DESCRIPTION.
MARK = b'data-header="content-security-policy"'
DESCRIPTION = "A small web service that starts out secure."


@register_check("pages.starter", "warning", deploy=True)
def starter_pages(app: Flask) -> Iterator[Finding]:
    trusted = app_state(app)[TRUSTED_HOSTS]
    if MARK in Client(app).get("/", base_url=f"https://{min(trusted)}").data:
        yield Finding(
            "The start page is still that of the template: visitors read about its headers.",
            hint="Write your own into app/templates/index.html.",
        )
    if app.config["DESCRIPTION"] == DESCRIPTION:
        yield Finding(
            "DESCRIPTION is still that of the template: the start page and /openapi.json show it.",
            hint="In app/policy.py, say in one sentence what the service does.",
        )
