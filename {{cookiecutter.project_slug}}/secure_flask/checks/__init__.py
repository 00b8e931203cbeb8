"""`flask check`, with a module for each group of checks, and the check before gunicorn starts."""
