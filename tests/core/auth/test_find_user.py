"""An app with a login of its own: `find_user` closes its views, and needs no user of the core."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import secure_flask
from flask import Flask, abort, g, request, send_file, session
from flask.testing import FlaskClient
from flask.views import MethodView
from flask_login import (  # type: ignore[import-untyped]
    AnonymousUserMixin,
    LoginManager,
    login_user,
    logout_user,
)
from flask_login import current_user as flask_login_user
from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader
from secure_flask import (
    PolicyError,
    attempts,
    consumes_form,
    current_user,
    keys_allowed,
    login_required,
    public,
    recent_login,
    roles_required,
)
from secure_flask.csp_reports import endpoint
from secure_flask.database.core_tables import CORE_TABLES
from secure_flask.database.database import app_metadata
from secure_flask.web.csrf import csrf_exempt
from werkzeug.local import LocalProxy

from core import routes
from core.conftest import OWN_PAGE, PRODUCTION, Lines, protect


@dataclass
class Person:
    """What an app calls a user."""

    id: int = 7
    role_names: list[str] = field(default_factory=list)


def find_person() -> Person | None:
    """The login of an app that keeps the id in Flask's session."""
    return Person(session["user_id"]) if "user_id" in session else None


def new_app(find_user: Callable[[], object] = find_person, **changes: Any) -> Flask:
    # Each app counts from zero where there is no Redis.
    changes = {"TOKEN_TYPE": "opaque", "redis_url": None, **changes}
    app = protect(Flask(__name__, static_folder=None), find_user=find_user, **changes)
    app.add_url_rule("/closed", "closed", lambda: "closed")
    app.add_url_rule("/public", "public", public(lambda: "public"))
    app.add_url_rule("/enter", "enter", public(consumes_form(enter)), methods=["POST"])
    return app


def enter() -> str:
    session["user_id"] = 7
    return "entered"


def client_of(app: Flask, path: str, view: Callable[..., Any], **options: Any) -> FlaskClient:
    app.add_url_rule(path, path, view, **options)
    return app.test_client()


# 1. What counts as a user.


def test_a_closed_view_takes_the_user_of_the_app_and_nobody_else() -> None:
    client = client_of(new_app(), "/session", public(lambda: dict(session)))
    assert client.get("/closed").status_code == 401
    assert client.post("/enter", data={"name": "ada"}, headers=OWN_PAGE).status_code == 200
    # The session that holds the login stays the app's.
    assert [client.get("/closed").text for _ in range(3)] == ["closed"] * 3
    assert client.get("/session").get_json() == {"user_id": 7}


class Named:
    """An object as some libraries return one."""

    id = 7
    is_authenticated: object = True


class Method(Named):
    def is_authenticated(self) -> bool:  # type: ignore[override]
        return True


class Anonymous(AnonymousUserMixin):
    id = 7


NOBODY = {
    "None": lambda: None,
    "a name": lambda: "ada",
    "a pair": lambda: (Person(), 401),
    "a dict": lambda: {"id": 7},
    "a class": lambda: Named,
    "no id": lambda: type("Row", (), {"name": "ada"})(),
    "an id of None": lambda: type("Row", (), {"id": None})(),
    "an id that is a method": lambda: type("Row", (), {"id": lambda self: 7})(),
    "Flask-Login's anonymous object": Anonymous,
    "a proxy of it": lambda: LocalProxy(Anonymous),
    "a proxy of None": lambda: LocalProxy(lambda: None),
    "is_authenticated as a method": Method,
    "is_authenticated of 1": lambda: type("Row", (Named,), {"is_authenticated": 1})(),
}


def who(found: dict[str, Callable[[], object]]) -> dict[str, str]:
    """What a public view takes each of these for, where a closed view agrees."""
    functions = list(found.values())
    client = client_of(new_app(lambda: functions[0]()), "/who", public(name_of_user))
    names = {}
    for case in found:
        names[case] = client.get("/who").text
        assert client.get("/closed").status_code == (200 if names[case] else 401), case
        del functions[0]
    return names


def name_of_user() -> str:
    return type(current_user._get_current_object()).__name__ if current_user else ""


def test_any_other_value_is_nobody() -> None:
    assert who(NOBODY) == dict.fromkeys(NOBODY, "")


def test_a_user_is_handed_on_without_a_proxy() -> None:
    proxies = {"a proxy": Named, "a proxy of a proxy": lambda: LocalProxy(Named)}
    found = {case: partial(LocalProxy, proxied) for case, proxied in proxies.items()}
    assert who({"an object": Person, **found}) == {
        "an object": "Person",
        **dict.fromkeys(found, "Named"),
    }


def test_development_says_why_an_object_is_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    new_app(lambda: "ada").test_client().get("/closed")
    assert "class str, which counts as nobody" in capsys.readouterr().err


def test_an_error_of_the_function_closes_the_view() -> None:
    app = new_app(lambda: 1 / 0)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert app.test_client().get("/closed").status_code == 500


def test_a_function_that_asks_for_the_current_user_ends() -> None:
    client = new_app(lambda: Person() if current_user else None).test_client()
    assert client.get("/closed").status_code == 401


# 2. When it is called.


def test_it_runs_once_and_before_the_functions_of_the_app() -> None:
    called: list[str] = []

    def find_user() -> Person:
        called.append("find_user")
        return Person()

    app = new_app(find_user)
    app.before_request(lambda: called.append("before_request"))
    client = client_of(app, "/twice", lambda: f"{current_user.id} {current_user.id}")
    assert client.get("/twice").text == "7 7"
    assert called == ["find_user", "before_request"]


def test_names_in_g_stay_the_apps() -> None:
    def find_user() -> Person:
        g.user, g.secure_flask = "mine", "mine too"
        return Person()

    client = client_of(new_app(find_user), "/g", lambda: json.dumps(vars(g)))
    assert client.get("/g").get_json(force=True) == {"user": "mine", "secure_flask": "mine too"}


def flask_login_app() -> Flask:
    class User(Named):
        is_active, is_anonymous = True, False

        def get_id(self) -> str:
            return "7"

    app = new_app(lambda: flask_login_user)
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: User() if user_id == "7" else None)
    app.add_url_rule("/in", "in", public(lambda: str(login_user(User()))))
    app.add_url_rule("/out", "out", public(lambda: str(logout_user())))
    return app


def test_flask_login_logs_in_and_out() -> None:
    client = flask_login_app().test_client()
    paths = ("/closed", "/in", "/closed", "/out", "/closed")
    assert [client.get(path).status_code for path in paths] == [401, 200, 200, 200, 401]


@pytest.mark.parametrize(
    ("find_user", "words"),
    [
        (lambda: None, "You are not logged in."),
        (Person, "You are logged in."),
        (lambda: SimpleNamespace(id=7, name="<ada>"), "logged in as <bdi>&lt;ada&gt;</bdi>."),
    ],
    ids=["nobody", "no name", "a name"],
)
def test_a_page_of_an_error_asks_the_core_who_is_logged_in(
    find_user: Callable[[], object], words: str
) -> None:
    app = new_app(find_user)
    pages = FileSystemLoader(Path(secure_flask.__file__).parents[1] / "app" / "templates")
    base = DictLoader({"base.html": "{% block content %}{% endblock %}"})
    app.jinja_loader = ChoiceLoader([base, pages])
    # As Flask-Login says of an anonymous visitor.
    app.context_processor(lambda: {"current_user": AnonymousUserMixin()})
    client = client_of(app, "/forbidden", public(lambda: abort(403)))
    shown = client.get("/forbidden", headers={"Accept": "text/html"}).text
    assert words in " ".join(shown.split())


# 3. Roles.


def find_without_roles() -> SimpleNamespace | None:
    return SimpleNamespace(id=7)


def not_annotated():  # type: ignore[no-untyped-def]
    return Person()


def find_older_annotation() -> "Person | None":
    return Person(role_names=["admin"])


def find_person_without_admin() -> Person:
    return Person(role_names=["editor"])


def marked_app(find_user: Callable[[], object]) -> Flask:
    app = new_app(find_user)
    app.add_url_rule("/admin", "admin", roles_required("admin")(lambda: "admin"))
    return app


def test_roles_that_the_users_do_not_have_are_an_error_at_start(subtests: pytest.Subtests) -> None:
    with pytest.raises(PolicyError, match="SimpleNamespace has no role_names"):
        marked_app(find_without_roles)
    for find_user in (not_annotated, lambda: Person()):
        with subtests.test(find_user=find_user), pytest.raises(PolicyError, match="def find_user"):
            marked_app(find_user)


def test_the_error_comes_for_a_mark_above_the_route_too() -> None:
    app = new_app(find_without_roles)
    roles_required("admin")(app.get("/late")(lambda: "late"))
    with pytest.raises(PolicyError, match="has no role_names"):
        app.test_client().get("/public")


def test_a_role_opens_a_view() -> None:
    assert marked_app(find_older_annotation).test_client().get("/admin").text == "admin"
    assert marked_app(find_person_without_admin).test_client().get("/admin").status_code == 403


@dataclass
class Odd:
    role_names: Any
    id: int = 7


def test_role_names_of_another_type_open_nothing(subtests: pytest.Subtests) -> None:
    values: list[object] = ["admin", "a admin b", None, lambda: ["admin"], 7]
    odd = Odd(["a"])

    def find_user() -> Odd:
        return odd

    client = client_of(new_app(find_user), "/admin", roles_required("a")(lambda: "a"))
    assert client.get("/admin").status_code == 200
    for odd.role_names in values:
        with subtests.test(case=odd.role_names):
            assert client.get("/admin").status_code == 403, odd.role_names


# 4. What such an app does not have.


@pytest.mark.parametrize("mark", [recent_login, keys_allowed])
def test_a_recent_login_and_a_view_for_keys_are_an_error_at_start(
    mark: Callable[[Callable[..., str]], Callable[..., str]],
) -> None:
    with pytest.raises(PolicyError, match=f"@{mark.__name__}"):
        new_app().add_url_rule("/marked", "marked", mark(lambda: ""))

    class Orders(MethodView):
        @mark
        def post(self) -> str:
            return ""

    with pytest.raises(PolicyError, match=f"post.* is marked @{mark.__name__}"):
        new_app().add_url_rule("/orders", view_func=Orders.as_view("orders"))


CALLS: dict[str, Callable[[], object]] = {
    "log_in()": lambda: secure_flask.log_in("ada", "password"),
    "log_out()": secure_flask.log_out,
    "reauthenticate()": lambda: secure_flask.reauthenticate("password"),
    "change_password()": lambda: secure_flask.change_password("old", "new"),
    "set_password()": lambda: secure_flask.set_password(Person(), "new"),  # type: ignore[arg-type]
    "create_user()": lambda: secure_flask.create_user("ada", "a good long password"),
    "delete_user()": lambda: secure_flask.delete_user(Person()),  # type: ignore[arg-type]
    "list_logins()": secure_flask.list_logins,
    "end_login()": lambda: secure_flask.end_login("0" * 32),
    "end_other_logins()": secure_flask.end_other_logins,
    "has_recent_login()": secure_flask.has_recent_login,
    "create_api_key()": lambda: secure_flask.create_api_key("deploy"),
    "list_api_keys()": secure_flask.list_api_keys,
    "end_api_key()": lambda: secure_flask.end_api_key("0"),
    "log_in_user()": lambda: secure_flask.log_in_user(Person()),  # type: ignore[call-arg]
    "latest_csp_violations()": lambda: secure_flask.latest_csp_violations(1),
}


def test_a_function_of_the_cores_users_says_that_there_are_none(subtests: pytest.Subtests) -> None:
    client = client_of(new_app(Person), "/call/<name>", lambda name: str(CALLS[name]()))
    for name in CALLS:
        says = rf"^{re.escape(name)} needs users and logins of secure_flask"
        with subtests.test(name=name), pytest.raises(RuntimeError, match=says):
            client.get(f"/call/{name}")


def test_a_policy_of_the_cores_logins_is_an_error_at_start(subtests: pytest.Subtests) -> None:
    old: Any = {"old:": (lambda stored, password: False, "old:sample")}
    refused: list[tuple[str, Any]] = [*(("TOKEN_TYPE", each) for each in ("session", "jwt"))]
    for name, value in [*refused, ("LEGACY_HASHES", old)]:
        with subtests.test(name=name, value=value), pytest.raises(PolicyError, match=name):
            new_app(**{name: value})


def test_routes_and_commands_of_the_cores_logins_are_not_there() -> None:
    app = new_app()
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    assert {routes.REFRESH, routes.JWKS}.isdisjoint(rules)
    assert {"user", "logins", "key", "crypto"}.isdisjoint(app.cli.commands)
    assert {"check", "access", "csp", "policy"} <= app.cli.commands.keys()


# 5. No user class, and no table of the core.

WITHOUT_USERS = """
import sys
import secure_flask
from flask import Flask
from secure_flask import Settings, db, public
from secure_flask.settings.__main__ import fresh_secrets

class Post(db.Model):
    __tablename__ = "posts"
    id = db.Column(db.Integer, primary_key=True)

class User(db.Model):
    __tablename__ = "members"
    id = db.Column(db.Integer, primary_key=True)

def find_user():
    return db.session.get(User, 1)

app = Flask("blog")
app.config.update(PROJECT_NAME="Blog", SECURITY_CONTACT="a@example.org")
secrets = {name.lower(): value for name, value in fresh_secrets().items()}
settings = Settings(app_env="development", **secrets, database_url=sys.argv[1])
secure_flask.init_app(app, settings, **({"find_user": find_user} if sys.argv[2:] else {}))

@app.get("/posts")
@public
def posts():
    return str(db.session.query(Post).count())

@app.get("/closed")
def closed():
    return "closed"

with app.app_context():
    db.drop_all()
    db.create_all()
    print(sorted(db.inspect(db.engine).get_table_names()))
    # Flask-Migrate compares these with the database.
    print([table.name for table in db.metadatas[None].sorted_tables])
    db.session.add(User(id=1))
    db.session.commit()
client = app.test_client()
print([client.get(path).status_code for path in ("/posts", "/closed", "/readyz", "/openapi.json")])
checked = app.test_cli_runner().invoke(args=["check"])
print(checked.exit_code, checked.output)
line = (
    "event='malicious_csp_violation' directive='script-src' blocked='inline' page='/' "
    "disposition='report' datetime='2026-11-01T00:00:00Z'"
)
print(app.test_cli_runner().invoke(args=["csp", "report"], input=line).output)
with app.app_context():
    db.drop_all()
    print(sorted(db.inspect(db.engine).get_table_names()))
if sys.argv[2:]:
    from secure_flask import accounts
    try:
        accounts.init_app(app)
    except RuntimeError as error:
        print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("given", [[], ["find_user"]])
def test_an_app_with_tables_of_its_own_needs_none_of_the_core(
    given: list[str], tmp_path: Path
) -> None:
    # Other tests leave their tables in a server.
    database = f"sqlite:///{tmp_path}/app.db"
    # The copy has no migrations of the template beside it.
    shutil.copytree(Path(secure_flask.__file__).parent, tmp_path / "secure_flask")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_USERS, database, *given],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tables, compared, statuses, *more = done.stdout.splitlines()
    assert tables == compared == "['members', 'posts']"
    assert statuses == f"[200, {200 if given else 401}, 200, 200]"
    # A person who works on the core has edited it.
    errors = [each for each in more if "ERROR" in each and "core.edited" not in each]
    assert errors == []
    assert more[0][0] in "01"
    assert "script-src inline on / (1x only reported, 2026-11-01 to 2026-11-01)" in more
    assert "[]" in more
    assert given == [] or "accounts.init_app(app) needs users" in more[-1]


def test_its_tables_are_those_of_the_app_alone() -> None:
    with new_app().app_context():
        of_core = {table.name for table in CORE_TABLES}
        assert {"roles", "logins", "user_api_keys", "csp_violations"} <= of_core
        assert of_core.isdisjoint(app_metadata().tables)


def production_client() -> FlaskClient:
    app = new_app(find_person, **PRODUCTION)
    app.config["PREFERRED_URL_SCHEME"] = "https"
    return app.test_client()


def report(client: FlaskClient, blocked: str = "https://elsewhere.example") -> int:
    said = {
        "effective-directive": "img-src",
        "blocked-uri": blocked,
        "document-uri": "http://localhost/public",
        "disposition": "enforce",
    }
    body, kind = json.dumps({"csp-report": said}), "application/csp-report"
    return client.post(routes.REPORTS, data=body, content_type=kind).status_code


def test_reports_go_to_the_log_once_and_a_stranger_fills_neither_that_nor_the_memory(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MAX_ROWS", 2)
    client = production_client()
    lines()
    sites = [f"https://{number}.example" for number in (0, 0, 0, 1, 2, 3, 4)]
    assert [report(client, site) for site in sites] == [204] * len(sites)
    assert len(client.application.extensions["secure_flask"][endpoint._LOGGED]) == 2
    report(client, sites[-1])
    logged = [each["blocked"] for each in lines() if "csp_violation" in each["event"]]
    assert logged == sorted({*sites})


@pytest.mark.parametrize("settings", [{}, PRODUCTION])
def test_the_report_reads_the_log(settings: dict[str, Any], capsys: Any) -> None:
    app = new_app(find_person, **settings)
    app.config["PREFERRED_URL_SCHEME"] = "https" if settings else "http"
    capsys.readouterr()
    report(app.test_client())
    log = f"Another line: 'x' {{\n{{}}\n{{broken\n[1]\n{capsys.readouterr().err}"
    shown = app.test_cli_runner().invoke(args=["csp", "report"], input=log).output
    assert "img-src https://elsewhere.example on /public (1x blocked" in shown
    assert '"img-src": ["https://elsewhere.example"]' in shown


def test_the_document_of_all_routes_demands_no_scheme_that_the_core_does_not_know() -> None:
    document = new_app().test_client().get(routes.OPENAPI).get_json()
    assert document["components"]["securitySchemes"] == {}
    closed = document["paths"]["/closed"]["get"]
    assert "security" not in closed
    assert "logged-in users" in closed["description"]


# 6. Caches.

FILE = Path(__file__)


@pytest.mark.parametrize("mark", [login_required, public])
def test_no_cache_keeps_what_a_login_got_or_was_refused(
    mark: Any, subtests: pytest.Subtests
) -> None:
    view = mark(lambda: send_file(FILE, max_age=3600))
    users, visitors = (
        client_of(new_app(find_user), "/file", view).get("/file", buffered=True)
        for find_user in (Person, find_person)
    )
    for answer in [users] if mark is public else [users, visitors]:
        with subtests.test(answer=answer):
            assert answer.headers["Cache-Control"] == "no-store, max-age=0"
            assert {"Cookie", "Authorization"} <= {each.title() for each in answer.vary}
    if mark is public:
        assert "3600" in visitors.headers["Cache-Control"]


@pytest.mark.parametrize("path", [routes.REPORTS, "/hook"])
def test_a_view_that_other_sites_may_write_to_asks_nobody(path: str) -> None:
    asked: list[str] = []

    def find_user() -> Person:
        asked.append(request.path)
        return Person()

    app = new_app(find_user)
    view = public(csrf_exempt(lambda: str(bool(current_user))))
    client = client_of(app, "/hook", view, methods=["POST"])
    client.post(path, headers={"Origin": "https://elsewhere.example"})
    assert asked == []


# 7. Bearer tokens of the app, and other sites.


def find_by_token_or_cookie() -> Person | None:
    if request.headers.get("Authorization") == "Bearer right":
        return Person(1)
    return Person(2) if request.cookies.get("who") else None


def test_a_token_of_the_app_counts_and_no_cookie_beside_it() -> None:
    client = client_of(new_app(find_by_token_or_cookie), "/who", lambda: str(current_user.id))
    client.set_cookie("who", "ada")
    sent = [{"Authorization": "Bearer right"}, {"Authorization": "Bearer wrong"}, {}]
    right, wrong, neither = (client.get("/who", headers=headers) for headers in sent)
    assert (right.text, wrong.status_code, neither.text) == ("1", 401, "2")


def test_another_site_gets_no_credentials_and_its_requests_no_cookie() -> None:
    origin = "https://partner.example"
    app = new_app(find_by_token_or_cookie, CORS_ORIGINS=[origin])
    client = client_of(app, "/write", lambda: "", methods=["PUT"])
    client.set_cookie("who", "ada")
    answer = client.get("/closed", headers={"Origin": origin})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert client.put("/write", json={}, headers={"Origin": origin}).status_code == 401
    assert client.put("/write", json={}, headers=OWN_PAGE).status_code == 200


# 8. The counter.


def login_app(**settings: str) -> Flask:
    app = new_app(find_person, **settings)

    @app.post("/own-login")
    @public
    @consumes_form
    def own_login() -> str:
        with attempts("login", request.form["name"]) as attempt:
            if request.form["password"] != "right":
                abort(int(request.form.get("status", 401)))
            attempt.succeeded = True
        return "in"

    return app


def tries(client: FlaskClient, number: int, **fields: str) -> list[int]:
    data = {"name": "ada", "password": "wrong", **fields}
    answers = [client.post("/own-login", data=data, headers=OWN_PAGE) for _ in range(number)]
    return [each.status_code for each in answers]


def test_failures_of_the_apps_login_are_counted_though_it_aborts() -> None:
    client = login_app().test_client()
    # Right passwords are no failures.
    assert tries(client, 8, password="right") == [200] * 8
    assert tries(client, 6) == [401] * 5 + [429]
    assert tries(client, 1, password="right") == [429]


def test_one_name_has_one_count_in_all_spellings() -> None:
    client = login_app(login_rate_limit="2 per minute").test_client()
    answers = {}
    for number in range(10):
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        answers[number] = (*tries(client, 1), *tries(client, 1, name=f"{' ' * number}ADA"))
    assert answers == dict.fromkeys(range(10), (401, 401))
    client.environ_base["REMOTE_ADDR"] = "192.0.2.99"
    # Each address may still try once.
    assert tries(client, 1) + tries(client, 1, name=" Ada") == [401, 429]


def test_an_error_of_the_server_counts_for_nothing() -> None:
    client = login_app().test_client()
    assert tries(client, 8, status="503") == [503] * 8
