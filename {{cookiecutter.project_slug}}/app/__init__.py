"""The application factory. What protects every request and response is in secure_flask/."""

import secure_flask
from flask import Flask

from app import account, api, login, pages, people, seed
from app.models import User  # noqa: F401 - so that secure_flask finds it
from app.settings import Settings


def create_app(settings: Settings | None = None, **overrides: object) -> Flask:
    """Create the app from the environment's settings and `policy.py`.

    `overrides` replace upper-case names of `policy.py` in tests.

    :raises TypeError: an override is not upper case.
    :raises SettingsError: a setting is missing or insecure.
    :raises PolicyError: `policy.py` has a value that a browser would misread, or that weakens a
        protection.
    """
    app = Flask(__name__)
    app.config.from_object("app.policy")
    secure_flask.override_policy(app, overrides)
    secure_flask.init_app(app, settings or Settings.load())
    for module in (login, account, pages, api, people, seed):
        app.register_blueprint(module.blueprint)
    # cookiecutter: if cookiecutter.accounts == "self-service"
    from app import accounts

    accounts.init_app(app)
    # cookiecutter: endif
    return app
