"""The pages that people see. Your own code begins here."""

from flask import Blueprint, Flask, current_app, render_template, request

from app.auth import tokens

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> str:
    return render_template(
        "index.html",
        project_name=current_app.config["PROJECT_NAME"],
        description=current_app.config["DESCRIPTION"],
        csrf_token=tokens.csrf_token(request),
        token_header=tokens.HEADER,
        token_prefix=tokens.PREFIX,
    )


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
