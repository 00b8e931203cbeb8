"""The HTML pages. Your own code begins here.

Pages are `@public`: a browser does not send a bearer token when it opens an address. Their
scripts call the JSON routes. See docs/how-to/forms.md.
"""

from flask import Blueprint, Flask, current_app, render_template

from app.auth.access import public
from app.csp_reports.table import latest
from app.security.responses import responds

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@responds("text/html", 503)
@public
def index() -> str:
    # Only in development: violations tell visitors about the site's problems.
    violations = [] if current_app.config["PRODUCTION"] else latest(5)
    return render_template("index.html", violations=violations)


def template_variables() -> dict[str, str]:
    """The variables that base.html and index.html use."""
    return {
        "project_name": current_app.config["PROJECT_NAME"],
        "description": current_app.config["DESCRIPTION"],
    }


def init_app(app: Flask) -> None:
    app.context_processor(template_variables)
    app.register_blueprint(blueprint)
