"""`/.well-known/security.txt`: tells researchers where to report a vulnerability.

Source: RFC 9116.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app
from secure_flask.auth.access import public
from secure_flask.web.responses import responds

blueprint = Blueprint("secure_flask_security_txt", __name__)

# RFC 9116 recommends less than a year. The date is computed for each response.
VALID_FOR = timedelta(days=180)


@blueprint.get("/.well-known/security.txt")
@responds("text/plain")
@public
def show() -> Response:
    """Say where to report a vulnerability."""
    expires = (datetime.now(UTC) + VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ")
    contact = current_app.config["SECURITY_CONTACT"]
    uri = contact if contact.startswith("https://") else f"mailto:{quote(contact, safe='@')}"
    lines = {"Contact": uri, "Expires": expires, **current_app.config["SECURITY_TXT"]}
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    response = Response(text, mimetype="text/plain")
    response.cache_control.max_age = 24 * 60 * 60  # a day
    return response


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
