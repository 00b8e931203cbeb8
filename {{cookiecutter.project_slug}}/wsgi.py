"""The entry point for `flask` and gunicorn."""

import gc
import traceback

from click import ClickException

try:
    from app import create_app
except ImportError:
    # `flask` would go on without the app, and end with "No such command".
    raise ClickException(traceback.format_exc()) from None

app = create_app()

# Excludes all objects that exist now from garbage collection, since they live as long as the
# process. A full collection would block requests for about 50 ms, and delay the end of commands.
gc.freeze()
