"""The small project with accounts: users with an address, and no pages beyond their links.

Its mails are one text for all kinds: the kind as the subject, then all values and the link.
"""

from flask import Blueprint, Flask
from jinja2 import FunctionLoader
from secure_flask import Model, Settings, accounts, public
from secure_flask.accounts import AccountMixin

from core import site

# The endpoints of the pages to which the core leads people.
PAGES = {
    "self_service.reset_page": "/reset/<string:token>",
    "self_service.change_email_page": "/change-email/<string:token>",
    "self_service.second_factor_page": "/tf-validate",
    "sign_up.confirmation_page": "/confirm/<string:token>",
}
VALUES = "{{ username }} {{ number }} {{ old }} {{ name }} {{ change }} {{ client }}"


class User(AccountMixin, Model):
    pass


def create_app(settings: Settings, **policy: object) -> Flask:
    app = site.create_app(settings, **policy)
    accounts.init_app(app)
    for name in ("self_service", "sign_up"):
        app.register_blueprint(_pages(name))
    return app


def _pages(name: str) -> Blueprint:
    pages = Blueprint(name, __name__)
    pages.jinja_loader = FunctionLoader(_mail)
    for endpoint, path in PAGES.items():
        blueprint, _, view = endpoint.partition(".")
        if blueprint == name:
            pages.add_url_rule(path, view, public(lambda **parameters: ""))
    return pages


def _mail(template: str) -> str | None:
    folder, _, kind = template.removesuffix(".txt").rpartition("/")
    return f"Subject: {kind}\n\n{VALUES}\n{{{{ link }}}}\n" if folder == "accounts/mail" else None
