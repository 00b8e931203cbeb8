"""The entry point for `flask` and gunicorn."""

import gc

from app import create_app

app = create_app()

# Excludes all objects that exist now from garbage collection, since they live as long as the
# process. A full collection would block requests for about 50 ms, and delay the end of commands.
gc.freeze()
