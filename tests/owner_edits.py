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

from flask import Blueprint, current_app, flash, render_template

from secure_flask import public, responds

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@responds("text/html", 503)
@public
def index() -> str:
    return render_template("index.html")


@blueprint.app_context_processor
def template_variables() -> dict[str, str]:
    return {"project_name": current_app.config["PROJECT_NAME"]}


@blueprint.get("/thanks")
@public
def thanks() -> str:
    flash("Thank you: your bread is in the oven.")
    return render_template("index.html")
'''
SHAPES = '''\
"""The shape of errors below /api."""

from secure_flask import ResponseBody


class ApiError(ResponseBody):
    messages: list[str]


def in_our_shape(status: int, message: str, fields: dict[str, str]) -> ApiError:
    return ApiError(messages=[message, *fields])
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
VISITS = '''\
"""Counts the requests, in the database."""

from secrets import token_hex

from flask import Flask
from secure_flask import Role, db


def note() -> None:
    db.session.add(Role(name=f"visit-{token_hex(4)}"))
    db.session.commit()


def init_app(app: Flask) -> None:
    app.before_request(note)
'''
ANY_ADDRESS = '''\
"""The start page for each address that is no other."""

from flask import Flask
from flask.typing import ResponseReturnValue


def show(error: Exception) -> ResponseReturnValue:
    return "<!doctype html><title>Shop</title>"


def init_app(app: Flask) -> None:
    app.register_error_handler(404, show)
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

from flask import Blueprint
from flask.typing import ResponseReturnValue

from secure_flask import public

blueprint = Blueprint("api", __name__, url_prefix="/api/v2")


@blueprint.get("/loaves")
@public
def loaves() -> ResponseReturnValue:
    return {"loaves": ["rye", "spelt"]}
'''
ROUTES = '''\
"""Routes of kinds that the template has none of."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from secure_flask import public

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
'''
SINGLE_PAGE_APP = '''\
"""A single-page app: its script reads the address."""

from flask import Blueprint

from secure_flask import public

blueprint = Blueprint("single_page_app", __name__)


@blueprint.get("/<path:page>")
@public
def show(page: str) -> str:
    return "<!doctype html><title>Shop</title>"
'''
PAGES_IN_LANGUAGES = '''\
"""Pages for users, in two languages: any that somebody wrote."""

from typing import Any

from flask import Blueprint, abort, g

from secure_flask import consumes_form, login_required

blueprint = Blueprint("pages_in_languages", __name__, url_prefix="/<language>")


@blueprint.url_value_preprocessor
def keep_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.language = (values or {}).pop("language", "")


@blueprint.route("/<path:page>", methods=["GET", "POST"])
@login_required
@consumes_form
def show(page: str) -> str:
    if g.language not in ("de", "en"):
        abort(404)
    return f"<!doctype html><title>{len(page)} letters</title>"
'''
METHOD_VIEWS = '''\
"""Baskets, as class-based views."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask.views import MethodView

from secure_flask import Body, PlainText, login_required, public, validated

blueprint = Blueprint("baskets", __name__, url_prefix="/baskets")


class Item(Body):
    name: PlainText
    tags: list[str] = []


class Baskets(MethodView):
    @public
    def get(self) -> ResponseReturnValue:
        return {"items": []}

    @login_required
    @validated(Item)
    def post(self, item: Item) -> ResponseReturnValue:
        return {"added": item.name}, 201


class Basket(MethodView):
    decorators = [login_required]

    def get(self, number: int) -> ResponseReturnValue:
        return {"number": number}

    def delete(self, number: int) -> ResponseReturnValue:
        return "", 204


blueprint.add_url_rule("/", view_func=Baskets.as_view("baskets"))
blueprint.add_url_rule("/<int:number>", view_func=Basket.as_view("basket"))
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

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import EmailField, IntegerField, SelectChoice, SelectField
from wtforms.validators import DataRequired, NumberRange

from secure_flask import consumes_form, current_user, login_required, public

blueprint = Blueprint("order_pages", __name__)


class OrderForm(FlaskForm):
    address = EmailField("Address", [DataRequired()])
    loaf = SelectField("Loaf", choices=[SelectChoice("rye", "Rye"), SelectChoice("spelt", "Spelt")])
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
    form = OrderForm(data={"address": f"{current_user.name}@example.org"})
    if form.validate_on_submit():
        return redirect(url_for("order_pages.own"), 303)
    return render_template("order.html", form=form), 422 if form.errors else 200
'''
ORDER_PAGE = """\
{% extends "base.html" %}
{% from "_forms.html" import show_form %}
{% block content %}{{ show_form(form, "Order") }}{% endblock %}
"""
SHOP = {
    "__init__.py": '''\
"""The shop."""

from app.shop.views import blueprint

__all__ = ["blueprint"]
''',
    "views.py": '''\
"""What customers see."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from secure_flask import (
    ResponseBody,
    csp,
    current_user,
    error_response,
    login_required,
    public,
    responds,
)
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
    return {"name": current_user.name}


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

from secure_flask import Model, encrypted_column


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
COLUMN_IMPORTS = "from sqlalchemy import String\nfrom sqlalchemy.orm import Mapped, mapped_column\n"
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
# In the order of the pages that say it.
WORDS = {
    "Authentication required": "Bitte anmelden",
    "Invalid credentials": "Name oder Passwort ist falsch",
    "Not Found": "Nicht gefunden",
    "Unknown browser": "Unbekannter Browser",
}
OWN_TEST = '''\
"""What the shop promises."""

from flask.testing import FlaskClient

from tests.conftest import MakeApp


def test_a_user_is_known_by_name(ada: FlaskClient) -> None:
    assert ada.get("/healthz").status_code == 200


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


def edit_of_policy(name: str, **values: str) -> Edit:
    def change(project: Path) -> None:
        for policy_name, value in values.items():
            policy(project, policy_name, value)

    change.__name__ = name
    return Edit(change)


def edit_of_settings(name: str, line: str, imported: str = "") -> Edit:
    def change(project: Path) -> None:
        setting(project, line, imported)

    change.__name__ = name
    return Edit(change)


def new_module(name: str, text: str, *states: str) -> Edit:
    def change(project: Path) -> None:
        module(project, name, text)

    change.__name__ = name
    return Edit(change, states)


def without(*names: str) -> Edit:
    """Delete files and folders that are the owner's."""

    def change(project: Path) -> None:
        for path in (project / name for name in names):
            (shutil.rmtree if path.is_dir() else Path.unlink)(path)

    change.__name__ = f"no {names[0]}"
    return Edit(change)


# Pages, routes and code


def own_start_page(project: Path) -> None:
    """Replace the pages, their script and style, and delete the tests of the starter."""
    no_example(project)
    own_base(project)
    write(project / "app/templates/index.html", PAGE)
    for name in ("page.js", "page.css"):
        (project / "app/static" / name).unlink()


def own_base(project: Path) -> None:
    write(project / "app/templates/base.html", BASE)
    write(project / "app/static/shop.css", "body { color: #123 }\n")


def error_pages_in_the_layout(project: Path) -> None:
    """Show errors by a page that needs base.html and its files."""
    module(project, "error_pages", ERRORS_IN_THE_LAYOUT)
    write(project / "app/templates/sorry.html", SORRY)


def json_errors_in_another_shape(project: Path) -> None:
    write(project / "app/shapes.py", SHAPES)
    imported = "from app.shapes import in_our_shape\n"
    replace(project, "app/__init__.py", r"(?<=\nimport secure_flask\n)", imported)
    shape = 'error_bodies={"/api": in_our_shape}'
    replace(project, "app/__init__.py", r"Settings\.load\(\)\)", f"Settings.load(), {shape})")


def form_pages(project: Path) -> None:
    """Add a form for everybody and one for users, with the macros of `_forms.html`."""
    module(project, "order_pages", FORM_PAGE)
    write(project / "app/templates/order.html", ORDER_PAGE)


def routes_of_every_kind(project: Path) -> None:
    """Add `/reset/<token>`, `<any(…):x>`, other converters, and a page with 400."""
    module(project, "odd_routes", ROUTES)


def login_below_auth(project: Path) -> None:
    login = r'Blueprint\("login", __name__'
    replace(project, "app/login.py", login, r'\g<0>, url_prefix="/auth"')


def no_example(project: Path) -> None:
    """Delete the tasks, as the README says, with their table, their pages and their tests."""
    for name in ("tasks.py", "seed.py"):
        (project / "app" / name).unlink()
    (project / "migrations/versions/0002_tasks.py").unlink()
    replace(project, "app/__init__.py", r", seed(?=\n)", "")
    replace(project, "app/__init__.py", r", seed(?=\):)", "")
    write(project / "app/api.py", API)
    write(project / "app/pages.py", PAGES)
    link = r'  \{\{- link\(.*, "Tasks"\) \}\}\n'
    replace(project, "app/templates/_navigation.html", link, "")
    for name in ("task_list.html", "task_form.html", "_example_cards.html"):
        (project / "app/templates" / name).unlink()
    shutil.rmtree(project / "tests/starter")


def other_static_path(project: Path) -> None:
    named = 'Flask(__name__, static_url_path="/files")'
    replace(project, "app/__init__.py", r"Flask\(__name__\)", named)


def extension_with_a_route(project: Path) -> None:
    write(project / "metrics.py", EXTENSION)
    module(project, "monitoring", USE_OF_EXTENSION)


def extension_that_everybody_may_call(project: Path) -> None:
    """Open its view by PUBLIC_ENDPOINTS, since it cannot be marked."""
    extension_with_a_route(project)
    entry(project, "PUBLIC_ENDPOINTS", '"metrics": "The monitor has no login."')


def package_with_views(project: Path) -> None:
    for name, text in SHOP.items():
        write(project / "app/shop" / name, text)
    plug_in(project, "shop")


def own_test(project: Path) -> None:
    write(project / "tests/shop/__init__.py", "")
    write(project / "tests/shop/test_promises.py", OWN_TEST)


# Policy


def one_more_source(project: Path) -> None:
    listed(project, "CSP_SOURCES", "https://pictures.example.com")
    entry(project, "CSP_CHANGES", '"connect-src": ["https://x.test"]')


def other_headers(project: Path) -> None:
    entry(project, "HEADER_CHANGES", '"Permissions-Policy": "camera=(self), microphone=()"')
    entry(project, "HEADER_CHANGES", '"X-Robots-Tag": "noindex"')
    entry(project, "HEADER_CHANGES", '"Referrer-Policy": "same-origin"')
    # Of old browsers alone.
    entry(project, "HEADER_CHANGES", '"X-XSS-Protection": None')
    value = "max-age=31536000; includeSubDomains; preload"
    entry(project, "HEADER_CHANGES", f'"Strict-Transport-Security": "{value}"')


def api_for_other_sites(project: Path) -> None:
    listed(project, "CORS_ORIGINS", "https://app.shop.example.com", "http://localhost:3000")
    policy(project, "CORS_REQUEST_HEADERS", '["X-Requested-With"]')


def shown_by_a_portal(project: Path) -> None:
    replace(project, "app/policy.py", r"""    "'none'",\n""", '    "https://portal.example.com",\n')


# Limits and settings


def other_words_of_the_error_page(project: Path) -> None:
    file = project / "app/templates/error.html"
    words = {"Wait": "Warten Sie", "seconds": "Sekunden"}
    replace_words(file, words)


# Tables


def new_columns_of_users(project: Path) -> None:
    replace(project, "app/models.py", r"    # Your own columns, as in\n", rf"{NEW_COLUMNS}\g<0>")
    replace(
        project,
        "app/models.py",
        r"from secure_flask import .*\n",
        rf"\g<0>{COLUMN_IMPORTS}",
    )
    migrate(project, "Profiles", ADD_COLUMNS, DROP_COLUMNS)


def new_table(project: Path) -> None:
    write(project / "app/orders.py", TABLE)
    migrate(project, "Orders", ADD_ORDERS, '    op.drop_table("orders")')
    replace(
        project,
        "app/pages.py",
        r"from app import tasks\n",
        "from app import orders, tasks  # noqa: F401\n",
    )


# Files that an owner deletes or writes again


def no_start_page(project: Path) -> None:
    replace(project, "app/pages.py", r'(?<=@blueprint\.get\(")/(?="\)\n)', "/welcome")


# Each round is made at once in one project. Edits that replace the same lines are in different ones.
ROUNDS: dict[str, list[Edit]] = {
    "session": [
        Edit(own_start_page),
        # Nobody is sent to the login page then.
        new_module("error_pages", ERROR_PAGES, "test_errors.py", "login"),
        Edit(form_pages),
        Edit(routes_of_every_kind),
        Edit(login_below_auth),
        new_module("baskets", METHOD_VIEWS),
        new_module("languages", HOOKS),
        new_module("single_page_app", SINGLE_PAGE_APP),
        Edit(extension_that_everybody_may_call, states=("extension",)),
        edit_of_policy(
            "other_names",
            PROJECT_NAME='''"Zoë's \\"Bäckerei\\" 🥖"''',
            DESCRIPTION='"Brot & Brötchen, <frisch> \\\\ täglich 🥐"',
        ),
        edit_of_policy("below_a_path", APPLICATION_ROOT='"/shop"'),
        # `url_for` outside of a request, such as in a job, needs this name.
        edit_of_policy("links_in_jobs", SERVER_NAME='"www.shop.example.com"'),
        Edit(one_more_source),
        Edit(shown_by_a_portal),
        edit_of_policy("short_passwords", PASSWORD_MIN_LENGTH="8"),
        edit_of_policy(
            "half_as_long_logins",
            LOGIN_LIFETIME="6 * 60 * 60",
            KEPT_LIFETIME="15 * 24 * 60 * 60",
            # As early as a recent login gets old.
            LOGIN_IDLE="5 * 60",
        ),
        Edit(new_columns_of_users),
        without("docs"),
        without("deploy", "compose.yaml", "Dockerfile", ".dockerignore"),
        without(".github", ".pre-commit-config.yaml"),
        without("README.md", "SECURITY.md"),
    ],
    "jwt": [
        Edit(own_base, states=("tests/starter/",)),
        edit_of_policy("other_error_words", TEXTS=repr(WORDS)),
        Edit(error_pages_in_the_layout),
        Edit(json_errors_in_another_shape, states=("tests/starter/",)),
        edit_of_policy("invalid_is_422", INVALID_STATUS="422"),
        Edit(other_words_of_the_error_page),
        Edit(no_start_page, states=("tests/starter/",)),
        Edit(package_with_views),
        Edit(other_static_path),
        Edit(own_test),
        new_module("mounted", MOUNTED),
        new_module("pages_in_languages", PAGES_IN_LANGUAGES),
        edit_of_policy(
            "other_contact",
            SECURITY_CONTACT='"https://shop.example.com/security"',
            SECURITY_TXT='{"Policy": "https://x.test/", "Preferred-Languages": "de"}',
        ),
        Edit(other_headers),
        Edit(api_for_other_sites),
        edit_of_policy("candidate_on_trial", CSP_CANDIDATE="csp_levels.PARANOID"),
        edit_of_policy("long_passwords", PASSWORD_MIN_LENGTH="20"),
        edit_of_policy("larger_bodies", MAX_CONTENT_LENGTH="5 * 1024 * 1024"),
        edit_of_policy("five_logins", MAX_LOGINS="5"),
        edit_of_settings(
            "new_setting",
            'currency: str = Field("EUR", pattern="[A-Z]{3}")',
            "from pydantic import Field",
        ),
        # Which no `.env` has yet.
        edit_of_settings("new_secret", "webhook_key: SecretStr", "from pydantic import SecretStr"),
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
    """Register the blueprint of a module, or call its `init_app`."""
    replace(project, "app/__init__.py", r"(?<=\nfrom app import )", f"{name}, ")
    file = project / "app" / f"{name}.py"
    if file.exists() and "def init_app(" in file.read_text("utf-8"):
        replace(
            project,
            "app/__init__.py",
            r"(?<=\n)    return app\n",
            rf"    {name}.init_app(app)\n\g<0>",
        )
    else:
        replace(project, "app/__init__.py", r"(?<=    for module in \()", f"{name}, ")


def policy(project: Path, name: str, value: str) -> None:
    """Set a value of the policy: the one that stands there, or one that has a default."""
    file = project / "app/policy.py"
    line, text = f"{name} = {value}  # fmt: skip", file.read_text("utf-8")
    changed, times = re.subn(rf"(?m)^{name} = .*$", lambda _: line, text)
    write(file, changed if times else f"{text}\n{line}\n")


def listed(project: Path, name: str, *values: str) -> None:
    lines = "".join(f'    "{value}",\n' for value in values)
    replace(project, "app/policy.py", rf"(?<=\n){name}: list\[str\] = \[\n", rf"\g<0>{lines}")


def entry(project: Path, name: str, line: str) -> None:
    """Add an entry to a dict of the policy."""
    replace(project, "app/policy.py", rf"(?<=\n){name}: dict\[.* = \{{\n", rf"\g<0>    {line},\n")


def setting(project: Path, line: str, imported: str = "") -> None:
    """Add a field to the project's settings."""
    file = project / "app/settings.py"
    text, begins = file.read_text("utf-8"), "from secure_flask"
    assert begins in text
    text = text.replace(begins, f"{imported}\n{begins}", 1)
    write(file, f"{text}    {line}\n")


def migrate(project: Path, title: str, upgrade: str, downgrade: str) -> None:
    versions = project / "migrations/versions"
    newest = max(versions.glob("0*.py"))
    [previous] = re.findall(r'^revision = "(.+)"', newest.read_text("utf-8"), re.MULTILINE)
    revision = f"{int(newest.name[:4]) + 1:04}"
    text = MIGRATION.format(
        title=title, revision=revision, previous=previous, upgrade=upgrade, downgrade=downgrade
    )
    write(versions / f"{revision}_{title.lower()}.py", text)
