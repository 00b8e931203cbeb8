"""`GET /openapi.json`: the OpenAPI document of all routes.

It is generated from the routes, their decorators such as `@validated` and `@responds`, and the
docstrings of the views, so it stays in step with the code.
Source: OpenAPI Specification 3.1.1; OWASP API Security Top 10, API9:2023.
"""

import json
from collections import ChainMap

from flask import Blueprint, Flask, Response
from secure_flask.auth import tokens
from secure_flask.auth.access import login_required, public
from secure_flask.openapi.operations import describe_operations
from secure_flask.state import Key, app_state
from secure_flask.web.responses import responds

# The document of an app, made at the first request for it.
_DOCUMENT = Key[str]("OpenAPI document")


def document(app: Flask) -> str:
    """The document in JSON; it omits static files and the methods HEAD and OPTIONS."""
    # This needs a request context, since the name of the cookie depends on the request.
    with app.test_request_context():
        described = describe_operations(app)
        kinds = tokens.security_schemes()
        schemes = ChainMap(*kinds, tokens.key_scheme() if kinds else {})
    about = {
        "openapi": "3.1.0",
        "info": _info(app),
        "servers": [{"url": _server_url(app)}],
        "tags": [{"name": tag} for tag in described.tags],
        "paths": described.paths,
        "components": {"schemas": described.schemas, "securitySchemes": dict(schemes)},
    }
    return json.dumps(about, default=described.references.__getitem__)


def init_app(app: Flask) -> None:
    blueprint = Blueprint("secure_flask_openapi", __name__)

    @blueprint.get("/openapi.json")
    @responds("application/json")
    @(public if app.config["PUBLIC_OPENAPI"] else login_required)
    def show() -> Response:
        """Describe all routes in OpenAPI."""
        # The first request generates the document, so that it does not slow down the start.
        state = app_state(app)
        if _DOCUMENT not in state:
            state[_DOCUMENT] = document(app)
        response = Response(state[_DOCUMENT], mimetype="application/json")
        response.cache_control.max_age = 5 * 60  # seconds
        return response

    app.register_blueprint(blueprint)


def _info(app: Flask) -> dict[str, object]:
    contact = app.config["SECURITY_CONTACT"]
    kind = "url" if contact.startswith("https://") else "email"
    info = {
        "title": app.config["PROJECT_NAME"],
        "description": app.config["DESCRIPTION"],
        "contact": {"name": app.config["PROJECT_NAME"], kind: contact},
        # OpenAPI requires a version of the document. This one reveals no software version.
        "version": "1",
    }
    return {name: value for name, value in info.items() if value}


def _server_url(app: Flask) -> str:
    """The configured address of the app, or else a path, relative to the document's address."""
    origin = app.config.get("PUBLIC_URL") or ""
    if not origin and app.config["SERVER_NAME"]:
        origin = f"{app.config['PREFERRED_URL_SCHEME']}://{app.config['SERVER_NAME']}"
    return origin + app.config["APPLICATION_ROOT"].rstrip("/") or "/"
