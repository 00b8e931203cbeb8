"""Where `flask` and gunicorn find the app. A setting that is missing is told in one message."""

import sys

from app import create_app
from app.security.origins import PolicyError
from app.settings import SettingsError

try:
    app = create_app()
except (SettingsError, PolicyError) as error:
    sys.exit(str(error))
