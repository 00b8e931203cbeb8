"""What browsers report of the Content-Security-Policy: taken, counted, and turned into advice."""

from flask import Flask

from app.csp_reports import commands, endpoint


def init_app(app: Flask) -> None:
    endpoint.init_app(app)
    commands.init_app(app)
