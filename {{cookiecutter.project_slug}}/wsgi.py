"""Where `flask` and gunicorn find the app. A setting that is missing is told in one message."""

import gc
import sys

import development  # noqa: F401 (replaces parts of Flask's own server)
from app import create_app
from app.security import startup
from app.security.origins import PolicyError
from app.settings import SettingsError

try:
    app = create_app()
except (SettingsError, PolicyError) as error:
    sys.exit(str(error))

if startup.is_server():
    startup.announce(app)

# What lives as long as the process is no garbage. Else the collector walks all of it now
# and then, some 50 ms in which nobody is answered, and Python does at each command's end.
gc.freeze()
