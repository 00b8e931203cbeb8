"""What an owner changes in a project, and which tests state exactly that: a table of edits.

What a page shows to write stands there: test_docs.py follows each page, and runs the same tests.
"""

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


def extension_that_everybody_may_call(project: Path) -> None:
    """Open its view by PUBLIC_ENDPOINTS, since it cannot be marked."""
    write(project / "metrics.py", EXTENSION)
    module(project, "monitoring", USE_OF_EXTENSION)
    entry(project, "PUBLIC_ENDPOINTS", '"metrics": "The monitor has no login."')


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


# Words and tables


def other_words_of_the_error_page(project: Path) -> None:
    replace(project, "app/templates/error.html", "<p>Wait ", "<p>Warten Sie ")
    replace(project, "app/templates/error.html", '"second"', '"Sekunde"')


def new_columns_of_users(project: Path) -> None:
    replace(project, "app/models.py", r"    # Your own columns, as in\n", rf"{NEW_COLUMNS}\g<0>")
    replace(
        project,
        "app/models.py",
        r"from secure_flask import .*\n",
        rf"\g<0>{COLUMN_IMPORTS}",
    )
    migrate(project, "Profiles", ADD_COLUMNS, DROP_COLUMNS)


# Files that an owner deletes or writes again


def no_start_page(project: Path) -> None:
    replace(project, "app/pages.py", r'(?<=@blueprint\.get\(")/(?="\)\n)', "/welcome")


# Each round is made at once in one project. Edits that replace the same lines are in different ones.
ROUNDS: dict[str, list[Edit]] = {
    "session": [
        Edit(own_start_page),
        # Nobody is sent to the login page then.
        new_module("error_pages", ERROR_PAGES, "test_errors.py", "login"),
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
        Edit(other_words_of_the_error_page),
        Edit(no_start_page, states=("tests/starter/",)),
        Edit(other_static_path),
        new_module("mounted", MOUNTED),
        new_module("pages_in_languages", PAGES_IN_LANGUAGES),
        edit_of_policy(
            "other_contact",
            SECURITY_CONTACT='"https://shop.example.com/security"',
            SECURITY_TXT='{"Policy": "https://x.test/", "Preferred-Languages": "de"}',
        ),
        Edit(other_headers),
        Edit(api_for_other_sites),
        edit_of_policy("long_passwords", PASSWORD_MIN_LENGTH="20"),
        edit_of_policy("larger_bodies", MAX_CONTENT_LENGTH="5 * 1024 * 1024"),
        edit_of_policy("five_logins", MAX_LOGINS="5"),
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


def migrate(project: Path, title: str, upgrade: str, downgrade: str) -> None:
    versions = project / "migrations/versions"
    newest = max(versions.glob("0*.py"))
    [previous] = re.findall(r'^revision = "(.+)"', newest.read_text("utf-8"), re.MULTILINE)
    revision = f"{int(newest.name[:4]) + 1:04}"
    text = MIGRATION.format(
        title=title, revision=revision, previous=previous, upgrade=upgrade, downgrade=downgrade
    )
    write(versions / f"{revision}_{title.lower()}.py", text)
