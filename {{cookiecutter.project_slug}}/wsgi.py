"""Where `flask` and gunicorn find the app. A setting that is missing is told in one message."""

import gc
import sys

import click
from flask import Flask

import development


def load() -> Flask:
    """Make the app, or end with what stops it."""
    # Imported here, so that the development server outlives what stops an import.
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
    return app


command = click.get_current_context(silent=True)
app = development.keep_serving(load) if development.is_reloading(command) else load()

# What lives as long as the process is no garbage. Else the collector walks all of it now
# and then, some 50 ms in which nobody is answered, and Python does at each command's end.
gc.freeze()
