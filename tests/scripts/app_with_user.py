"""The app of the project in this folder, for gunicorn, with a user and hashes that cost nothing.

Tests log in thousands of times, each of which takes 50 ms by a real hash. USERS names
those that are to be there.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from argon2 import PasswordHasher

sys.path.insert(0, os.getcwd())

passwords: Any = import_module("secure_flask.auth.passwords")
passwords.hasher = PasswordHasher(1, 8, 1)

import_module("secure_flask.settings.__main__").main()
app = import_module("wsgi").app
with app.app_context():
    import_module("secure_flask.database").db.create_all()
    users = import_module("secure_flask.auth.users")
    for name in os.environ.get("USERS", "ada").split():
        if users.user_class().find(name) is None:
            users.create_user(name, "a good long password")
