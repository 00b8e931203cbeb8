"""The entry point of Alembic: runs the migrations of versions/ on the app's database."""

import secure_flask

secure_flask.run_migrations()
