"""The entry point for `flask` and gunicorn. Missing settings are reported in one message."""

import gc
import sys

import click
from flask import Flask

import development


def load() -> Flask:
    """Create the app, or exit with a message about wrong settings or policy."""
    # Imported here, so that the development server survives an error during the import.
    from app import create_app, startup
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

# Excludes all objects that exist now from garbage collection, since they live as long as the
# process. A full collection would block requests for about 50 ms, and delay the end of commands.
gc.freeze()
