"""The HTML pages. Your own code begins here."""

from flask import Blueprint, Flask, current_app, render_template

from app.auth import tokens
from app.csp_reports.table import latest
from app.security.responses import responds

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@responds("text/html", 503)
def index() -> str:
    # Only in development: violations tell visitors about the site's problems.
    violations = [] if current_app.config["PRODUCTION"] else latest(5)
    return render_template("index.html", violations=violations)


def template_variables() -> dict[str, str]:
    """The variables that base.html and index.html use."""
    return {
        "project_name": current_app.config["PROJECT_NAME"],
        "description": current_app.config["DESCRIPTION"],
        "token_header": tokens.HEADER,
        "token_prefix": tokens.PREFIX,
    }


def init_app(app: Flask) -> None:
    app.context_processor(template_variables)
    app.register_blueprint(blueprint)
