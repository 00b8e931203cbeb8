"""The pages that people see. Your own code begins here."""

from flask import Blueprint, Flask, current_app, render_template

from app.auth import tokens
from app.csp_reports.table import latest
from app.security.responses import responds

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@responds("text/html", 503)
def index() -> str:
    # Developers see at once what they just broke; it is nobody else's business.
    violations = [] if current_app.config["PRODUCTION"] else latest(5)
    return render_template("index.html", violations=violations)


def what_every_page_shows() -> dict[str, str]:
    """What base.html and index.html name, on every page that extends them."""
    return {
        "project_name": current_app.config["PROJECT_NAME"],
        "description": current_app.config["DESCRIPTION"],
        "token_header": tokens.HEADER,
        "token_prefix": tokens.PREFIX,
    }


def init_app(app: Flask) -> None:
    app.context_processor(what_every_page_shows)
    app.register_blueprint(blueprint)
