"""`/.well-known/security.txt`: tells researchers where to report a vulnerability.

Source: RFC 9116.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app
from secure_flask.auth.access import public
from secure_flask.web.origins import PolicyError
from secure_flask.web.responses import responds

blueprint = Blueprint("security_txt", __name__)

# RFC 9116 recommends less than a year. The date is computed for each response.
VALID_FOR = timedelta(days=180)

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!-~]*)?")


@blueprint.get("/.well-known/security.txt")
@responds("text/plain")
@public
def show() -> Response:
    expires = (datetime.now(UTC) + VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ")
    contact = current_app.config["SECURITY_CONTACT"]
    uri = contact if _URL.fullmatch(contact) else f"mailto:{quote(contact, safe='@')}"
    lines = {"Contact": uri, "Expires": expires, **current_app.config["SECURITY_TXT"]}
    text = "".join(f"{name}: {value}\n" for name, value in lines.items())
    response = Response(text, mimetype="text/plain")
    response.cache_control.max_age = 24 * 60 * 60  # a day
    return response


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: SECURITY_CONTACT is no address, or SECURITY_TXT has a line break.
    """
    for line in app.config["SECURITY_TXT"].items():
        if not all(part.isprintable() for part in line):
            raise PolicyError(f"policy.py: SECURITY_TXT holds {line!r}; write each on one line.")
    contact = app.config["SECURITY_CONTACT"]
    if not (_EMAIL.fullmatch(contact) or _URL.fullmatch(contact)):
        raise PolicyError(
            f"policy.py: SECURITY_CONTACT is {contact!r}; write an e-mail address or https URL."
        )
    app.register_blueprint(blueprint)
