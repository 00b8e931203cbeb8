"""`log_in_user`: the login of a user whom another site has identified."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import (
    consumes_form,
    current_user,
    has_recent_login,
    keys_allowed,
    log_in_user,
    login_required,
    public,
    recent_login,
)
from secure_flask.auth import passwords, user_changes, users
from secure_flask.auth.logins import Login
from secure_flask.auth.throttle import WIDE
from secure_flask.database import db
from sqlalchemy import delete, insert, select, update
from werkzeug.test import TestResponse

from core import routes
from core.conftest import (
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    USERNAME,
    Configure,
    CountingHasher,
    Lines,
    MakeApp,
    every_token_type,
    give_roles,
    headers_of,
    is_logged_in,
    log_in_by_form,
    set_account_rules,
    stored_user,
)
from core.keys.made_keys import NOT_HERE, ask, new_key
from core.standing_clock import clock
from core.statements import counted_statements
from core.users import User

ISSUER = "https://id.example.org"
BACK, PROGRAM, SECRET, RECENT = "/probe/back", "/probe/program", "/probe/secret", "/probe/recent"
MINUTE = 60  # seconds
NAMED_BY_THE_SITE = ["mfa", "otp"]

Do = Callable[[], object]
Said = dict[str, Any]


@pytest.fixture
def said() -> Said:
    """What the view passes on of the other site's word."""
    return {}


@pytest.fixture
def meanwhile() -> list[Do]:
    """What others do between the view's look for the user and the login."""
    return []


@pytest.fixture
def add_views(said: Said, meanwhile: list[Do]) -> Callable[[Flask], Flask]:
    def back() -> Any:
        user = User.find(USERNAME)
        for do in meanwhile:
            do()
        return log_in_user(user, **{"provider": ISSUER, **said})

    def add(app: Flask) -> Flask:
        app.add_url_rule(BACK, "back", public(consumes_form(back)), methods=["GET", "POST"])
        app.add_url_rule(PROGRAM, "program", public(lambda: back()), methods=["POST"])
        app.add_url_rule(SECRET, "secret", recent_login(lambda: "secret"))
        app.add_url_rule(RECENT, "recent", login_required(lambda: str(has_recent_login())))
        return app

    return add


@pytest.fixture
def app(make_app: MakeApp, token_type: str, add_views: Callable[[Flask], Flask]) -> Flask:
    return add_views(make_app(TOKEN_TYPE=token_type))


def logins_in(app: Flask) -> list[Login]:
    with app.app_context():
        return list(db.session.scalars(select(Login).order_by(Login.created)))


def opens(client: FlaskClient) -> int:
    """The answer of a page that demands a recent login."""
    return client.get(SECRET, headers=OWN_PAGE).status_code


def came_back(client: FlaskClient) -> TestResponse:
    answer = client.get(BACK)
    assert answer.status_code == 200
    return answer


# 1. Who is logged in.


def disable() -> None:
    db.session.connection().execute(update(User).values(disabled=True))


def remove() -> None:
    db.session.connection().execute(delete(User))


@pytest.mark.parametrize("end", [disable, remove])
def test_a_user_who_was_disabled_or_deleted_meanwhile_gets_401(
    app: Flask, client: FlaskClient, meanwhile: list[Do], end: Do
) -> None:
    meanwhile.append(end)
    answer = client.get(BACK)
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert logins_in(app) == []


def test_the_row_of_the_user_is_locked_before_the_login_is_stored(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context(), counted_statements(db.engine) as counted:
        came_back(client)
    sent = counted.statements
    written = [each.split()[:3] for each in sent if each.startswith(("UPDATE", "INSERT"))]
    assert written == [["UPDATE", "users", "SET"], ["INSERT", "INTO", "logins"]]


def test_a_role_that_came_meanwhile_demands_its_factor(
    app: Flask, client: FlaskClient, meanwhile: list[Do]
) -> None:
    """The view has read the roles before."""
    set_account_rules(
        app,
        demands_second_factor=lambda user: "boss" in user.role_names,
        second_step_of=lambda user: half if user.role_names else None,
    )
    give_roles(app, "boss")
    with stored_user(app) as user:
        user.roles = []
    link = users.user_roles

    def give_role() -> None:
        found = User.find(USERNAME)
        assert found is not None
        assert found.role_names == []
        row = insert(link).values(user_id=found.id, role_id=users.stored_roles()[0].id)
        db.session.connection().execute(row)

    meanwhile.append(give_role)
    assert client.get(BACK).get_json() == {"half": True}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_key_becomes_a_login(app: Flask, client: FlaskClient, method: str) -> None:
    """A view that takes keys may hand on the user of one."""
    view = keys_allowed(lambda: log_in_user(current_user, provider=ISSUER))
    app.add_url_rule("/renews", view_func=view, methods=[method])
    answer = ask(client, new_key(app), "/renews", method=method)
    assert (answer.status_code, answer.get_json()) == (403, NOT_HERE)
    assert "Set-Cookie" not in answer.headers
    assert logins_in(app) == []


# 2. What the client gets.


@every_token_type
@pytest.mark.parametrize(
    "sent", [{}, {"method": "POST", "data": {"a": "b"}, "headers": OWN_PAGE}], ids=["GET", "POST"]
)
def test_a_page_gets_the_cookie_and_no_token(
    app: Flask, client: FlaskClient, sent: dict[str, Any]
) -> None:
    answer = client.open(BACK, **sent)
    assert answer.get_json()["token_type"] == "session"
    assert "token" not in answer.get_json()
    assert answer.cache_control.no_store
    assert is_logged_in(client, OWN_PAGE)


@every_token_type
def test_a_program_gets_what_token_type_says(client: FlaskClient, token_type: str) -> None:
    body = client.post(PROGRAM, json={}).get_json()
    assert ("token" in body) == (token_type != "session")
    assert is_logged_in(client, headers_of(body))


# 3. The login is like any other.


def test_the_former_login_of_the_browser_ends_and_the_id_is_new(
    app: Flask, client: FlaskClient
) -> None:
    log_in_by_form(client)
    [former] = logins_in(app)
    cookie = client.get_cookie("dev-session")
    came_back(client)
    [present] = logins_in(app)
    assert present.id != former.id
    assert client.get_cookie("dev-session") != cookie


def test_the_log_says_who_vouched(
    make_app: MakeApp, add_views: Callable[[Flask], Flask], lines: Lines, meanwhile: list[Do]
) -> None:
    client = add_views(make_app(**PRODUCTION)).test_client()
    came_back(client)
    meanwhile.append(disable)
    client.get(BACK)
    logged = {line["event"]: line for line in lines()}
    assert logged["authn_login_success"]["provider"] == ISSUER
    assert logged["authn_login_success"]["user_id"]
    assert logged["authn_login_fail"]["provider"] == ISSUER


def test_refusals_count_for_the_address_of_the_client(
    app: Flask, client: FlaskClient, meanwhile: list[Do], configure: Configure
) -> None:
    configure(app, LOGIN_RATE_LIMIT="1 per minute")
    # A success leaves no count.
    assert {client.get(BACK).status_code for _ in range(WIDE + 1)} == {200}
    meanwhile.append(disable)
    answers = [client.get(BACK).status_code for _ in range(WIDE + 1)]
    assert answers == [401] * WIDE + [429]
    meanwhile.clear()
    assert client.get(BACK).status_code == 429
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert client.get(BACK, environ_base=elsewhere).status_code == 200


# 4. The second factor.


def half(**options: Any) -> dict[str, object]:
    return {"half": True}


@pytest.fixture
def asked(app: Flask) -> Flask:
    """An app whose users have a second factor."""
    set_account_rules(app, second_step_of=lambda user: half)
    return app


@pytest.mark.usefixtures("asked")
def test_the_second_factor_is_asked_here_unless_the_site_says_that_it_asked(
    app: Flask, client: FlaskClient, said: Said, subtests: pytest.Subtests
) -> None:
    for said["second_factor"] in (None, True, 0, ["pwd", "otp"], "mfa", "no mfa", {"mfa": False}):
        with subtests.test(case=said["second_factor"]):
            assert came_back(client).get_json() == {"half": True}
    assert logins_in(app) == []


@pytest.mark.asvs("6.8.4")
@pytest.mark.parametrize(("word", "counts"), [(False, False), (NAMED_BY_THE_SITE, True)])
@pytest.mark.usefixtures("asked")
def test_it_is_not_asked_twice_but_a_role_takes_the_word_of_the_site_alone(
    app: Flask, client: FlaskClient, said: Said, word: Any, counts: bool
) -> None:
    said["second_factor"] = word
    came_back(client)
    [login] = logins_in(app)
    assert login.second_factor == counts
    assert is_logged_in(client, OWN_PAGE)
    set_account_rules(
        app, second_step_of=lambda user: half, demands_second_factor=lambda user: True
    )
    assert (came_back(client).get_json() == {"half": True}) == (not counts)


# 5. A recent login.


@pytest.mark.asvs("6.8.4")
def test_a_login_is_as_old_as_the_site_says(
    client: FlaskClient, said: Said, wait: Callable[[float], None], subtests: pytest.Subtests
) -> None:
    now = clock.now()
    # A provider may count milliseconds, or write a text.
    odd = [now * 1000, 10**30, float("inf"), float("nan"), -(10**30), True, str(int(now))]
    recent = {now - MINUTE: True, now - 16 * MINUTE: False, now + MINUTE: True, now - 0.5: True}
    for said["at"], is_enough in [*recent.items(), *((each, False) for each in (None, *odd))]:
        with subtests.test(case=said["at"], is_enough=is_enough):
            # The age shortens no login.
            assert came_back(client).get_json()["expires_in"] == 12 * 3600
            assert opens(client) == (200 if is_enough else 401), said
            assert client.get(RECENT, headers=OWN_PAGE).text == str(is_enough)
            assert is_logged_in(client, OWN_PAGE)
    # A time to come makes no login recent later.
    said["at"] = now + 4 * MINUTE
    came_back(client)
    wait(17 * MINUTE)
    assert opens(client) == 401


def test_the_page_for_a_recent_login_may_be_the_one_that_asks_the_site(
    app: Flask, client: FlaskClient, said: Said, configure: Configure
) -> None:
    configure(app, REAUTHENTICATION_PAGE="back")
    came_back(client)
    led = client.get(SECRET, headers={**OWN_PAGE, "Accept": "text/html"})
    assert (led.status_code, led.location) == (303, f"{BACK}?next={SECRET}")
    said["at"] = clock.now()
    client.get(led.location)
    assert opens(client) == 200


# 6. Users without a password.


def test_no_password_is_right_and_the_attempt_costs_the_same(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    with app.app_context():
        assert not user_changes.create_user("bob").has_password
        assert User.find(USERNAME).has_password  # type: ignore[union-attr]
    monkeypatch.setattr(passwords, "hasher", hasher := CountingHasher(1, 8, 1))

    def attempt(name: str, password: str) -> tuple[int, object, int]:
        before = hasher.computed
        answer = client.post(routes.LOGIN, json={"username": name, "password": password})
        return answer.status_code, answer.get_json(), hasher.computed - before

    for password in ("", "!", PASSWORD):
        with subtests.test(password=password):
            attempted = attempt("bob", password)
            assert attempted == attempt("nobody", password)
            assert attempted[0] != 200
