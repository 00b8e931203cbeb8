"""The app of the project in this folder, for gunicorn, with a user and hashes that cost nothing.

Tests log in thousands of times, each of which takes 50 ms by a real hash. USERS names
those that are to be there, POLICY values of the policy as JSON. MAX_WAIT says for how many seconds
a login waits for its place.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

from argon2 import PasswordHasher

sys.path.insert(0, os.getcwd())

passwords: Any = import_module("secure_flask.auth.passwords")
passwords.hasher = PasswordHasher(1, 8, 1)
places: Any = import_module("secure_flask.auth.places")
places.MAX_WAIT = float(os.environ.get("MAX_WAIT", places.MAX_WAIT))

import_module("secure_flask.settings.__main__").main()
# As `make` does, but for what a test chooses of the policy.
create_app: Any = import_module("app").create_app
app = create_app(**{"MAX_LOGINS": 10**6, **json.loads(os.environ.get("POLICY", "{}"))})
core: Any = import_module("secure_flask")
with app.app_context():
    core.db.create_all()
    user: Any = import_module("app.models").User
    for name in os.environ.get("USERS", "ada").split():
        if user.find(name) is None:
            core.create_user(name, "a good long password")
