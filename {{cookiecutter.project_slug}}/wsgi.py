"""Where `flask` and gunicorn find the app. A setting that is missing is told in one message."""

import sys

from werkzeug.serving import WSGIRequestHandler

from app import create_app
from app.security.origins import PolicyError
from app.settings import SettingsError

# Flask's own server would name its version and Python's.
WSGIRequestHandler.version_string = lambda self: "development"  # type: ignore[method-assign]

try:
    app = create_app()
except (SettingsError, PolicyError) as error:
    sys.exit(str(error))
