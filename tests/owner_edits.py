"""What an owner changes in a project, and which tests state exactly that: a table of edits."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PAGE = """\
{% extends "base.html" %}
{% block content %}
<h1>Bread from the corner</h1>
{% for message in get_flashed_messages() %}<p class="note">{{ message }}</p>{% endfor %}
<form method="get" action="/shop/"><label>Find <input name="q"></label> <button>Go</button></form>
{% endblock %}
"""
BASE = """\
<!doctype html>
<html lang="de">
<head>
  <meta charset="utf-8">
  <title>{% block title %}Brot{% endblock %}</title>
  <link rel="stylesheet" href="{{ asset('shop.css').url }}">
</head>
<body><nav><a href="/">Start</a></nav>{% block content %}{% endblock %}</body>
</html>
"""
PAGES = '''\
"""The shop's pages."""

from flask import Blueprint, Flask, flash, render_template

from secure_flask.auth.access import public
from secure_flask.web.responses import responds

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@responds("text/html", 503)
@public
def index() -> str:
    return render_template("index.html")


@blueprint.get("/thanks")
@public
def thanks() -> str:
    flash("Thank you: your bread is in the oven.")
    return render_template("index.html")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
'''
ERROR_PAGES = '''\
"""Errors as pages."""

from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException


def show(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    page = f"<!doctype html><title>Sorry</title><p>Nothing to see here: {code}"
    return page, code, error.get_headers()


def init_app(app: Flask) -> None:
    for status in (401, 403, 404, 429, 503):
        app.register_error_handler(status, show)
'''
ERRORS_IN_THE_LAYOUT = '''\
"""Errors in the look of the site."""

from flask import Flask, render_template
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException


def show(error: HTTPException) -> ResponseReturnValue:
    return render_template("sorry.html"), error.code or 500, dict(error.get_headers())


def init_app(app: Flask) -> None:
    for status in (404, 429, 500):
        app.register_error_handler(status, show)
'''
SORRY = '{% extends "base.html" %}{% block content %}<p>Sorry.</p>{% endblock %}\n'
API = '''\
"""The shop's JSON routes."""

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue

from secure_flask.auth.access import public

blueprint = Blueprint("api", __name__, url_prefix="/api/v2")


@blueprint.get("/loaves")
@public
def loaves() -> ResponseReturnValue:
    return {"loaves": ["rye", "spelt"]}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
'''
ROUTES = '''\
"""Routes of kinds that the template has none of."""

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue

from secure_flask.auth.access import public

blueprint = Blueprint("odd_routes", __name__)


@blueprint.get("/reset/<token>")
@public
def reset(token: str) -> ResponseReturnValue:
    return f"<!doctype html><title>Reset</title><p>{len(token)} letters"


@blueprint.get("/<any(terms, imprint):page>")
@public
def legal(page: str) -> str:
    return f"<!doctype html><title>{page}</title>"


@blueprint.get("/order/<int(min=1):number>/<path:rest>")
def order(number: int, rest: str) -> ResponseReturnValue:
    return f"<!doctype html><title>Order</title><p>No order {number} here", 400


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
'''
METHOD_VIEWS = '''\
"""Baskets, as class-based views."""

from collections.abc import Callable
from typing import Any, ClassVar

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from secure_flask.auth.access import login_required, public
from secure_flask.web.validation import Body, PlainText, validated

blueprint = Blueprint("baskets", __name__, url_prefix="/baskets")


class Item(Body):
    name: PlainText


class Baskets(MethodView):
    @public
    def get(self) -> ResponseReturnValue:
        return {"items": []}

    @login_required
    @validated(Item)
    def post(self, item: Item) -> ResponseReturnValue:
        return {"added": item.name}, 201


class Basket(MethodView):
    decorators: ClassVar[list[Callable[..., Any]]] = [login_required]

    def get(self, number: int) -> ResponseReturnValue:
        return {"number": number}

    def delete(self, number: int) -> ResponseReturnValue:
        return "", 204


blueprint.add_url_rule("/", view_func=Baskets.as_view("baskets"))
blueprint.add_url_rule("/<int:number>", view_func=Basket.as_view("basket"))


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
'''
HOOKS = '''\
"""The language of a visitor, for pages and in each answer."""

from flask import Flask, Response, g, request


def choose() -> None:
    g.language = request.accept_languages.best_match(["de", "en"], "en")


def name(response: Response) -> Response:
    response.headers["Content-Language"] = g.get("language", "en")
    return response


def init_app(app: Flask) -> None:
    app.before_request(choose)
    app.after_request(name)
'''
EXTENSION = '''\
"""An extension as one installs it: it is no part of `app`, and adds a route."""

from flask import Flask


class Metrics:
    def init_app(self, app: Flask) -> None:
        app.add_url_rule("/metrics", "metrics", self.show)

    def show(self) -> tuple[str, int, dict[str, str]]:
        return "up 1\\n", 200, {"Content-Type": "text/plain; version=0.0.4"}
'''
USE_OF_EXTENSION = '''\
"""Numbers for a monitor."""

from flask import Flask

from metrics import Metrics


def init_app(app: Flask) -> None:
    Metrics().init_app(app)
'''
FORM_PAGE = '''\
"""Orders from people without a login, and a page for one's own."""

from flask import Blueprint, Flask, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import EmailField, IntegerField, SelectField
from wtforms.validators import DataRequired, NumberRange

from secure_flask.auth.access import login_required, public
from secure_flask.web.forms import consumes_form

blueprint = Blueprint("order_pages", __name__)


class OrderForm(FlaskForm):
    address = EmailField("Address", [DataRequired()])
    loaf = SelectField("Loaf", choices=[("rye", "Rye"), ("spelt", "Spelt")])
    number = IntegerField("How many", [NumberRange(1, 9)])


@blueprint.route("/order-bread", methods=["GET", "POST"])
@public
@consumes_form
def order() -> ResponseReturnValue:
    form = OrderForm()
    if form.validate_on_submit():
        flash("Thank you for your order.")
        return redirect(url_for("order_pages.order"), 303)
    return render_template("order.html", form=form), 422 if form.errors else 200


@blueprint.route("/my-bread", methods=["GET", "POST"])
@login_required
@consumes_form(max_size=2**20)
def own() -> ResponseReturnValue:
    form = OrderForm(data={"address": f"{g.user.name}@example.org"})
    if form.validate_on_submit():
        return redirect(url_for("order_pages.own"), 303)
    return render_template("order.html", form=form), 422 if form.errors else 200


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
'''
ORDER_PAGE = """\
{% extends "base.html" %}
{% from "_forms.html" import show_form %}
{% block content %}{{ show_form(form, "Order") }}{% endblock %}
"""
COMMANDS = '''\
"""`flask loaves`: what the oven holds."""

import click
from flask import Flask


@click.command("loaves")
@click.option("--count", default=1)
def loaves(count: int) -> None:
    """Say how many loaves there are."""
    click.echo(f"{count} loaves")


def init_app(app: Flask) -> None:
    app.cli.add_command(loaves)
'''
SHOP = {
    "__init__.py": '''\
"""The shop."""

from flask import Flask

from app.shop import views


def init_app(app: Flask) -> None:
    app.register_blueprint(views.blueprint)
''',
    "views.py": '''\
"""What customers see."""

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from secure_flask.auth.access import login_required, public
from secure_flask.web.csp import csp
from secure_flask.web.errors import error_response
from secure_flask.web.responses import ResponseBody, responds
from app.shop.words import WELCOME

blueprint = Blueprint("shop", __name__, url_prefix="/shop")


class Customer(ResponseBody):
    name: str


@blueprint.get("/")
@public
@csp(img_src=["'self'", "https://pictures.example.com"])
def show() -> str:
    return f"<!doctype html><title>Shop</title><p>{WELCOME}"


@blueprint.get("/customer")
@responds(Customer)
@login_required
def customer() -> ResponseReturnValue:
    return {"name": g.user.name}


@blueprint.get("/sold-out")
def sold_out() -> ResponseReturnValue:
    raise error_response(409, "Sold out")
''',
    "words.py": '''\
"""Words of the shop."""

WELCOME = "Fresh since five"
''',
}
TABLE = '''\
"""Orders."""

from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from secure_flask.crypto import encrypted_column
from secure_flask.database import Model


class Order(Model):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    loaf: Mapped[str] = mapped_column(String(40))
    address = encrypted_column()
'''
MIGRATION = '''\
"""{title}."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{previous}"
branch_labels = None
depends_on = None


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''
ADD_ORDERS = """\
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("loaf", sa.String(40), nullable=False),
        sa.Column("address_encrypted", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_orders_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
    )"""
NEW_COLUMNS = """\
    shown_name: Mapped[str | None] = mapped_column(String(80))
    newsletter: Mapped[bool] = mapped_column(default=False)
"""
ADD_COLUMNS = """\
    op.add_column("users", sa.Column("shown_name", sa.String(80), nullable=True))
    op.add_column(
        "users", sa.Column("newsletter", sa.Boolean(), nullable=False, server_default=sa.false())
    )"""
DROP_COLUMNS = """\
    op.drop_column("users", "newsletter")
    op.drop_column("users", "shown_name")"""
WELCOME = '''\
"""A mail for everybody who has confirmed an address."""

from flask import Flask
from flask_security.signals import user_confirmed

from app.accounts.mail import mail
from secure_flask.auth.users import User


def welcome(app: Flask, user: User) -> None:
    if user.email:
        mail.send(user.email, "welcome")


def init_app(app: Flask) -> None:
    user_confirmed.connect(welcome, app)
'''
WELCOME_MAIL = """\
{% extends "mail/_layout.txt" %}
{% block subject %}Welcome{% endblock %}
{% block body %}The oven is hot.{% endblock %}
"""
# In minutes, by module.
LIFETIMES = {"registration": 90, "recovery": 30, "email_change": 20}
ADD_ASKED = """\
    op.add_column("users", sa.Column("city", sa.String(80), nullable=True))
    op.add_column("users", sa.Column("size", sa.String(80), nullable=True))"""
DROP_ASKED = """\
    op.drop_column("users", "size")
    op.drop_column("users", "city")"""
ASKED_COLUMNS = """\
    city: Mapped[str | None] = mapped_column(String(80))
    size: Mapped[str | None] = mapped_column(String(80))
"""
ASKED_FIELDS = """\
    city = StringField("City", [Length(max=80), one_line])
    size = StringField("Size", [DataRequired("Choose a size."), Length(max=80), one_line])
"""
OWN_TEST = '''\
"""What the shop promises."""

from flask.testing import FlaskClient

from tests.conftest import MakeApp


def test_a_user_is_known_by_name(client: FlaskClient, credentials: dict[str, str]) -> None:
    assert client.get("/healthz", headers=credentials).status_code == 200


def test_it_lives_in_production(make_app: MakeApp) -> None:
    app = make_app(app_env="production", trusted_hosts=["shop.example.com"])
    assert app.test_client().get("/healthz").status_code == 200
'''


MOUNTED = '''"""Another app below /old."""

from typing import Any

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response


def _old(environ: Any, start_response: Any) -> Any:
    return Response("old")(environ, start_response)


def init_app(app: Flask) -> None:
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/old": _old})  # type: ignore[method-assign]
'''


@dataclass(frozen=True)
class Edit:
    """One change as an owner makes it, in the files of a project."""

    change: Callable[[Path], None]
    # Of the tests that state exactly what was changed, parts of their names.
    states: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.change.__name__.replace("_", " ")


# Pages, routes and code


def own_start_page(project: Path) -> None:
    """Replace the pages, their script and style, and delete the tests of the starter."""
    own_base(project)
    write(project / "app/templates/index.html", PAGE)
    write(project / "app/pages.py", PAGES)
    for name in ("page.js", "page.css"):
        (project / "app/static" / name).unlink()
    error_page = project / "app/templates/error.html"
    write(error_page, error_page.read_text("utf-8").replace("page.css", "shop.css"))
    for folder in ("tests/starter", "tests/browser/starter"):
        shutil.rmtree(project / folder, ignore_errors=True)


def own_base(project: Path) -> None:
    write(project / "app/templates/base.html", BASE)
    write(project / "app/static/shop.css", "body { color: #123 }\n")


def own_error_pages(project: Path) -> None:
    module(project, "error_pages", ERROR_PAGES)


def error_pages_in_the_layout(project: Path) -> None:
    """Show errors by a page that needs base.html and its files."""
    module(project, "error_pages", ERRORS_IN_THE_LAYOUT)
    write(project / "app/templates/sorry.html", SORRY)


def form_pages(project: Path) -> None:
    """Add a form for everybody and one for users, with the macros of `_forms.html`."""
    module(project, "order_pages", FORM_PAGE)
    write(project / "app/templates/order.html", ORDER_PAGE)


def other_error_words(project: Path) -> None:
    for folder in ("accounts", "auth"):
        for file in (project / "app" / folder).glob("*.py"):
            text = file.read_text("utf-8")
            write(file, re.sub(r'(error_response\(\d+, ")', r"\1Sorry. ", text))
    replace(
        project, "secure_flask/web/bodies.py", r'(INVALID = )".*"', r'\1"That was not understood"'
    )
    replace(
        project, "secure_flask/web/validation.py", r'(MISSING = )".*"', r'\1"Something is missing"'
    )
    replace(project, "secure_flask/web/forms.py", r'(NOT_ONE_LINE = )".*"', r'\1"Write one line."')
    access = (project / "secure_flask/auth/access.py").read_text("utf-8")
    words = re.compile(r'"(?=(Authentication|Recent login) required")')
    write(project / "secure_flask/auth/access.py", words.sub('"Sorry. ', access))


def routes_of_every_kind(project: Path) -> None:
    """Add `/reset/<token>`, `<any(…):x>`, other converters, and a page with 400."""
    module(project, "odd_routes", ROUTES)


def login_below_auth(project: Path) -> None:
    login = r'Blueprint\("login", __name__'
    replace(project, "app/accounts/login.py", login, r'\g<0>, url_prefix="/auth"')


def no_example(project: Path) -> None:
    """Delete the tasks, as the README says, with their table, their pages and their tests."""
    for name in ("tasks.py", "seed.py", "example.py"):
        (project / "app" / name).unlink()
    (project / "app/admin.py").unlink(missing_ok=True)
    (project / "app/templates/admin_users.html").unlink(missing_ok=True)
    (project / "migrations/versions/0003_tasks.py").unlink()
    policy = (project / "app/policy.py").read_text("utf-8")
    write(project / "app/policy.py", policy.replace('    "tasks": "owner_id",\n', ""))
    replace(project, "migrations/versions/0004_roles.py", r'(?<=down_revision = )"0003"', '"0002"')
    replace(project, "app/__init__.py", r"(?<=\n)    example,\n", "")
    replace(project, "app/__init__.py", r"    example\.init_app\(app\).*\n", "")
    write(project / "app/api.py", API)
    if "tasks" in (project / "app/pages.py").read_text("utf-8"):
        write(project / "app/pages.py", PAGES)
        link = r'  \{\{- link\(.*, "Tasks"\) \}\}\n'
        replace(project, "app/templates/_navigation.html", link, "")
        for name in ("task_list.html", "task_form.html"):
            (project / "app/templates" / name).unlink()
    for folder in ("tests/starter", "tests/browser/starter"):
        shutil.rmtree(project / folder, ignore_errors=True)


def class_based_views(project: Path) -> None:
    module(project, "baskets", METHOD_VIEWS)


def hook_for_each_request(project: Path) -> None:
    module(project, "languages", HOOKS)


def extension_with_a_route(project: Path) -> None:
    write(project / "metrics.py", EXTENSION)
    module(project, "monitoring", USE_OF_EXTENSION)


def extension_that_everybody_may_call(project: Path) -> None:
    """Open its view by PUBLIC_ENDPOINTS, since it cannot be marked."""
    extension_with_a_route(project)
    opened = '    "metrics": "The monitor has no login.",\n'
    replace(project, "app/policy.py", r"PUBLIC_ENDPOINTS: .* = \{\n", rf"\g<0>{opened}")


def new_command(project: Path) -> None:
    module(project, "oven", COMMANDS)


def package_with_views(project: Path) -> None:
    for name, text in SHOP.items():
        write(project / "app/shop" / name, text)
    plug_in(project, "shop")


def mounted_app(project: Path) -> None:
    module(project, "mounted", MOUNTED)


def own_test(project: Path) -> None:
    write(project / "tests/shop/__init__.py", "")
    write(project / "tests/shop/test_promises.py", OWN_TEST)


# Policy


def other_names(project: Path) -> None:
    policy(project, "PROJECT_NAME", '''"Zoë's \\"Bäckerei\\" 🥖"''')
    policy(project, "DESCRIPTION", '"Brot & Brötchen, <frisch> \\\\ täglich 🥐"')


def other_contact(project: Path) -> None:
    policy(project, "SECURITY_CONTACT", '"https://shop.example.com/security"')


def one_more_source(project: Path) -> None:
    listed(project, "CSP_SOURCES", "https://pictures.example.com")
    replace(
        project, "app/policy.py", r'("connect-src": \[csp_syntax.SELF)', r'\1, "https://x.test"'
    )


def without_a_header_of_old_browsers(project: Path) -> None:
    replace(project, "app/policy.py", r'    "X-XSS-Protection": "0",\n', "")


def other_headers(project: Path) -> None:
    replace(project, "app/policy.py", r", serial=\(\), usb=\(\)", "")
    replace(project, "app/policy.py", r"HEADERS = \{\n", r'\g<0>    "X-Robots-Tag": "noindex",\n')
    replace(project, "app/policy.py", "strict-origin-when-cross-origin", "same-origin")


def api_for_other_sites(project: Path) -> None:
    listed(project, "CORS_ORIGINS", "https://app.shop.example.com", "http://localhost:3000")
    listed(project, "CORS_REQUEST_HEADERS", "X-Requested-With")


def shown_by_a_portal(project: Path) -> None:
    replace(project, "app/policy.py", r"""    "'none'",\n""", '    "https://portal.example.com",\n')


def shorter_hsts(project: Path) -> None:
    policy(project, "STRICT_TRANSPORT_SECURITY", '"max-age=31536000; includeSubDomains; preload"')


def candidate_on_trial(project: Path) -> None:
    tried = '{"default-src": [csp_syntax.NONE]}'
    replace(project, "app/policy.py", r"(CSP_CANDIDATE: .* = )None", rf"\g<1>{tried}")


# Limits and settings


def short_passwords(project: Path) -> None:
    replace(project, "secure_flask/auth/passwords.py", r"(MIN_LENGTH, MAX_LENGTH = )\d+", r"\g<1>8")


def long_passwords(project: Path) -> None:
    replace(
        project, "secure_flask/auth/passwords.py", r"(MIN_LENGTH, MAX_LENGTH = )\d+", r"\g<1>15"
    )


def half_as_long_logins(project: Path) -> None:
    for name in ("tokens", "claims", "refresh"):
        file = project / "app/auth" / f"{name}.py"
        if file.exists():
            halved = re.sub(
                r"(?m)^((?:KEPT_LIFETIME|LIFETIME|IDLE) = .*\d)(  #|$)",
                r"\1 // 2\2",
                file.read_text(),
            )
            write(file, halved)


def five_minutes_without_a_request(project: Path) -> None:
    """Let idle logins end as early as a recent login gets old."""
    for name in ("tokens", "refresh"):
        file = project / "app/auth" / f"{name}.py"
        if file.exists():
            idle = r"(?m)^(IDLE(?:: int \| None)?) = .*$"
            write(file, re.sub(idle, r"\1 = 5 * 60", file.read_text("utf-8")))


def looser_login_limit(project: Path) -> None:
    setting(project, "login_rate_limit", '"50 per minute"')


def limit_of_all_requests(project: Path) -> None:
    setting(project, "rate_limit", '"1000 per minute"')


def five_logins(project: Path) -> None:
    setting(project, "max_logins", "Field(5, ge=1)")


def larger_bodies(project: Path) -> None:
    replace(project, "app/__init__.py", r"(?<=\nMAX_BODY = )64 \* 1024", "5 * 1024 * 1024")


def other_database(project: Path) -> None:
    setting(project, "database_url", 'SecretStr("sqlite:///shop.db")')


def quiet_log(project: Path) -> None:
    setting(project, "log_level", '"WARNING"')


def new_setting(project: Path) -> None:
    line = '    currency: str = Field("EUR", pattern="[A-Z]{3}")\n'
    replace(project, "app/settings.py", r"    log_level: .*\n", rf"\g<0>{line}")


def new_secret(project: Path) -> None:
    """Demand a secret, as docs/reference/settings.md says."""
    line = '    webhook_key: Secret = SecretStr("")\n'
    replace(project, "app/settings.py", r"    log_level: .*\n", rf"\g<0>{line}")
    made = '        "WEBHOOK_KEY": secrets.token_urlsafe(48),\n'
    replace(project, "app/settings.py", r'        "BLIND_INDEX_KEYS": .*\n', rf"\g<0>{made}")


def other_words_of_the_error_page(project: Path) -> None:
    file = project / "app/templates/error.html"
    words = {"Wait": "Warten Sie", "seconds": "Sekunden", "This address takes": "Hier gilt"}
    replace_words(file, words)


# Tables


def new_columns_of_users(project: Path) -> None:
    replace(project, "secure_flask/auth/users.py", r"    disabled: .*\n", rf"\g<0>{NEW_COLUMNS}")
    migrate(project, "Profiles", ADD_COLUMNS, DROP_COLUMNS)


def new_table(project: Path) -> None:
    write(project / "app/orders.py", TABLE)
    migrate(project, "Orders", ADD_ORDERS, '    op.drop_table("orders")')
    replace(
        project,
        "app/__init__.py",
        r"(?<=\nfrom app import \(\n)    accounts,\n",
        r"\g<0>    orders,\n",
    )


# Accounts of people who sign up


def other_page_after_login(project: Path) -> None:
    module = "app/accounts/after_login.py"
    replace(project, module, r'f"\{request.*"', 'url_for("account.show")')
    replace(project, module, "import request", "import request, url_for")


def closed_registration(project: Path) -> None:
    policy(project, "REGISTRATION", "False")


def second_factor_of_admins(project: Path) -> None:
    listed(project, "SECOND_FACTOR_ROLES", "admin")


def fewer_mails(project: Path) -> None:
    replace(project, "app/accounts/mail/mail_limits.py", "5 per hour", "3 per 2 hours")


def other_lifetimes_of_links(project: Path) -> None:
    for name, minutes in LIFETIMES.items():
        constant = r"(?<=\n)(LIFETIME = )[\d *]+\d"
        replace(project, f"app/accounts/links/{name}.py", constant, rf"\g<1>{minutes} * 60")


def more_fields_of_the_registration(project: Path) -> None:
    """Ask for an optional city and a required size, and store both with the account."""
    links = "app/accounts/links"
    replace(project, "secure_flask/auth/users.py", r"    disabled: .*\n", rf"\g<0>{ASKED_COLUMNS}")
    migrate(project, "Asked", ADD_ASKED, DROP_ASKED)
    asked = '    city: PlainText = ""\n    size: PlainText\n'
    replace(project, f"{links}/registration.py", r"    email: Address\n", rf"\g<0>{asked}")
    more = {
        "registration.py": {
            r"def begin\([^)]*": ", **asked: str",
            r"begin\(body[^)]*": ", city=body.city, size=body.size",
            r'data = \{"username": username[^}]*': ", **asked",
        },
        "registration_pages.py": {
            r"begin\(form[^)]*": ", city=form.city.data, size=form.size.data",
        },
        "confirmation.py": {
            r"User\(name=[^)]*": ', city=step.data.get("city"), size=step.data.get("size")',
        },
    }
    for name, calls in more.items():
        for call, arguments in calls.items():
            replace(project, f"{links}/{name}", call, rf"\g<0>{arguments}")
    email = r'    email = address_field\("E-mail address"\)\n(?=    password)'
    replace(project, f"{links}/registration_pages.py", email, rf"\g<0>{ASKED_FIELDS}")
    shared = r"(?<=\nREGISTRATION = \{)"
    replace(project, "tests/accounts/people.py", shared, '"size": "38", ')


def mail_of_welcome(project: Path) -> None:
    module(project, "welcome", WELCOME)
    write(project / "app/templates/mail/welcome.txt", WELCOME_MAIL)


def translated_words(project: Path) -> None:
    """Translate what forms, refusals and the page for errors say."""
    files = [
        *(project / "app/accounts").rglob("*.py"),
        project / "secure_flask/auth/password_rules.py",
    ]
    for file in files:
        text = file.read_text("utf-8")
        for before in (r"DataRequired\(", r"form_errors\.append\(", r"error_response\(\d+, "):
            text = re.sub(rf'({before})"[^"]*"', r'\1"Das geht so nicht."', text)
        write(file, text)
    hint = "Mindestens {MIN_LENGTH} Zeichen, gern ein ganzer Satz."
    replace(project, "app/accounts/password_fields.py", r'(\nHINT = f)".*"', rf'\1"{hint}"')
    page = "app/templates/error.html"
    replace(project, page, r">Wait (.*?\}\}).*<", r">Bitte \1 Sekunden warten.<")
    replace(project, page, r">This address takes only (.*) requests", r">Hier geht nur \1")


# Files that an owner deletes or writes again


def other_words_for_logins(project: Path) -> None:
    file = project / "secure_flask/auth/clients.py"
    words = {
        '"Unknown browser"': '"Unbekannter Browser"',
        "{browser} on {system}": "{browser} unter {system}",
        '"Samsung Internet"': '"Samsung-Browser"',
    }
    replace_words(file, words)


def more_lines_of_security_txt(project: Path) -> None:
    more = r"Contact: {uri}\\nContact: https://shop.example.com/report\\nPolicy: https://x.test/\\n"
    replace(project, "secure_flask/security_txt.py", r"Contact: \{uri\}\\n", more)


def below_a_path(project: Path) -> None:
    replace(
        project,
        "app/policy.py",
        r"\nSECURITY_CONTACT",
        '\nAPPLICATION_ROOT = "/shop"\nSECURITY_CONTACT',
    )


def no_start_page(project: Path) -> None:
    replace(project, "app/pages.py", r'(?<=@blueprint\.get\(")/(?="\)\n)', "/welcome")


def no_docs(project: Path) -> None:
    shutil.rmtree(project / "docs")


def no_deployment(project: Path) -> None:
    shutil.rmtree(project / "deploy")
    for name in ("compose.yaml", "Dockerfile", ".dockerignore"):
        (project / name).unlink()


def no_github(project: Path) -> None:
    shutil.rmtree(project / ".github")
    (project / ".pre-commit-config.yaml").unlink()


def own_readme(project: Path) -> None:
    write(project / "README.md", "# Bread\n\nAsk Zoë.\n")
    (project / "SECURITY.md").unlink()


# Of accounts by Flask-Security, beside those of `session`.
SIGN_UP = [
    Edit(closed_registration),
    Edit(second_factor_of_admins),
    Edit(fewer_mails),
    Edit(other_lifetimes_of_links),
    Edit(more_fields_of_the_registration),
    Edit(mail_of_welcome),
    Edit(translated_words),
]
ROUNDS: dict[str, list[Edit]] = {
    "session": [
        Edit(own_start_page),
        # Nobody is sent to the login page then.
        Edit(own_error_pages, states=("a_stranger_", "offers_a_login")),
        Edit(form_pages),
        Edit(routes_of_every_kind),
        Edit(login_below_auth),
        Edit(no_example),
        Edit(no_start_page, states=("tests/starter/",)),
        Edit(other_words_for_logins),
        Edit(class_based_views),
        Edit(hook_for_each_request),
        Edit(extension_that_everybody_may_call, states=("extension",)),
        Edit(other_names),
        Edit(below_a_path),
        Edit(one_more_source),
        Edit(shown_by_a_portal),
        Edit(short_passwords),
        Edit(half_as_long_logins),
        Edit(five_minutes_without_a_request),
        Edit(other_page_after_login),
        Edit(new_columns_of_users),
        Edit(no_docs),
        Edit(no_deployment),
        Edit(no_github),
        Edit(own_readme),
    ],
    "jwt": [
        Edit(own_base, states=("tests/starter/",)),
        Edit(other_error_words),
        Edit(error_pages_in_the_layout),
        Edit(other_words_of_the_error_page),
        Edit(no_example),
        Edit(new_command),
        Edit(package_with_views),
        Edit(own_test),
        Edit(mounted_app),
        Edit(other_contact),
        Edit(other_words_for_logins),
        Edit(more_lines_of_security_txt),
        Edit(other_headers),
        Edit(without_a_header_of_old_browsers, states=("test_every_answer_is_protected",)),
        Edit(api_for_other_sites),
        Edit(shorter_hsts),
        Edit(candidate_on_trial),
        Edit(long_passwords),
        Edit(half_as_long_logins),
        Edit(looser_login_limit),
        Edit(limit_of_all_requests),
        Edit(five_logins),
        Edit(larger_bodies),
        Edit(other_database),
        Edit(quiet_log),
        Edit(new_setting),
        Edit(new_secret),
        Edit(new_table),
    ],
}


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def replace(project: Path, name: str, pattern: str, new: str) -> None:
    """Replace what a pattern finds in a file: once, since the file may have been rewritten."""
    text, times = re.subn(pattern, new, (project / name).read_text("utf-8"))
    assert times == 1, f"{name} holds {pattern!r} {times} times"
    write(project / name, text)


def replace_words(file: Path, words: dict[str, str]) -> None:
    """Replace each word wherever it stands in a file."""
    text = file.read_text("utf-8")
    for word, other in words.items():
        assert word in text, f"{file} does not hold {word!r}"
        text = text.replace(word, other)
    write(file, text)


def module(project: Path, name: str, text: str) -> None:
    """Add a module of the owner's to the app."""
    write(project / "app" / f"{name}.py", text)
    plug_in(project, name)


def plug_in(project: Path, name: str) -> None:
    """Register the blueprint of a module, as its README says."""
    replace(project, "app/__init__.py", r"(?<=\nfrom app import )", f"{name}, ")
    replace(project, "app/__init__.py", r"(?<=    for module in \()", f"{name}, ")


def policy(project: Path, name: str, value: str) -> None:
    text = (project / "app/policy.py").read_text("utf-8")
    [old] = re.findall(rf"^{name} = .*$", text, re.MULTILINE)
    write(project / "app/policy.py", text.replace(old, f"{name} = {value}  # fmt: skip"))


def listed(project: Path, name: str, *values: str) -> None:
    lines = "".join(f'    "{value}",\n' for value in values)
    replace(project, "app/policy.py", rf"(?<=\n){name}: list\[str\] = \[\n", rf"\g<0>{lines}")


def setting(project: Path, name: str, value: str) -> None:
    replace(project, "app/settings.py", rf"(?<=\n)(    {name}: .*) = .*", rf"\1 = {value}")


def migrate(project: Path, title: str, upgrade: str, downgrade: str) -> None:
    versions = project / "migrations/versions"
    newest = max(int(file.name[:4]) for file in versions.glob("0*.py"))
    revision, previous = f"{newest + 1:04}", f"{newest:04}"
    text = MIGRATION.format(
        title=title, revision=revision, previous=previous, upgrade=upgrade, downgrade=downgrade
    )
    write(versions / f"{revision}_{title.lower()}.py", text)
