"""CSP reports: receives the reports of browsers, counts them and gives advice."""

from flask import Flask
from secure_flask.csp_reports import commands, endpoint


def init_app(app: Flask) -> None:
    endpoint.init_app(app)
    commands.init_app(app)
