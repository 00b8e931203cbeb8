"""The example beside pages.py and api.py: `flask seed`, and users as administrators see them.

Delete it with the tasks.
"""

from flask import Flask

from app import admin, seed


def init_app(app: Flask) -> None:
    admin.init_app(app)
    seed.init_app(app)
