"""`POST /token/refresh`, as a client sees it and as a thief would use it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing
from secure_flask.auth import logins
from secure_flask.auth.authentication import set_password
from secure_flask.auth.logins import LIFETIMES
from secure_flask.auth.logins import Login as Row
from secure_flask.auth.throttle import WIDE
from secure_flask.auth.tokens import jwt_token
from secure_flask.database import db
from secure_flask.policy import Policy
from secure_flask.settings import keyrings
from sqlalchemy import select
from werkzeug.test import TestResponse

from core import routes
from core.auth.tokens.test_bearer import ask, assert_accepted, assert_refused
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    Configure,
    Lines,
    MakeApp,
    Wait,
    add_user,
    headers_of,
    stored_user,
)

REFRESH = routes.REFRESH
LIFETIME, GRACE = LIFETIMES["refresh"], Policy.model_fields["REFRESH_GRACE"].default
# How long an access token is accepted, at the most.
ACCESS = jwt_token.LIFETIME + jwt_token.LEEWAY

Login = dict[str, Any]

NO_PLAIN_TEXT: list[object] = [None, " \u00a0", 1, {"$ne": ""}, "x\0", "a" * 129]


@pytest.fixture
def token_type() -> str:
    return "jwt"


@pytest.fixture
def app(app: Flask, configure: Configure) -> Flask:
    """An app that keeps no test waiting and ends no idle login."""
    configure(app, LOGIN_RATE_LIMIT="1000 per minute")
    configure(app, LOGIN_IDLE=0)
    return app


@pytest.fixture
def login(client: FlaskClient) -> Login:
    """What a login gave."""
    return log_in(client)


def log_in(client: FlaskClient, **body: str) -> Login:
    answer: Login = client.post(routes.LOGIN, json={**LOGIN, **body}).get_json()
    return answer


def send(client: FlaskClient, refresh_token: object) -> TestResponse:
    return client.post(REFRESH, json={"refresh_token": refresh_token})


def refresh(client: FlaskClient, login: Login) -> TestResponse:
    return send(client, login["refresh_token"])


def refreshed(client: FlaskClient, login: Login) -> Login:
    answer = refresh(client, login)
    assert answer.status_code == 200
    fresh: Login = answer.get_json()
    return fresh


def assert_dead(client: FlaskClient, *logins: Login) -> None:
    """Neither token of any of them serves."""
    for login in logins:
        assert_refused(ask(client, login["token"]))
        assert_refused(refresh(client, login))


def test_refreshing_gives_what_a_login_gives(client: FlaskClient, login: Login) -> None:
    answer = refresh(client, login)
    fresh = answer.get_json()
    assert answer.cache_control.no_store
    assert fresh.keys() == login.keys()
    assert {name for name in fresh if fresh[name] != login[name]} == {"token", "refresh_token"}
    newest = refreshed(client, fresh)
    # The earlier access tokens serve until they expire.
    answers = [ask(client, given["token"]) for given in (login, fresh, newest)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_a_refresh_token_has_256_bits_twice_and_the_table_their_hashes_alone(
    app: Flask, client: FlaskClient, login: Login
) -> None:
    sent = [answer["refresh_token"] for answer in (login, refreshed(client, login))]
    (secret, first), (same, second) = (one.split(".") for one in sent)
    assert (len(secret), len(first), len(second)) == (43, 43, 64)
    assert secret == same
    with app.app_context():
        [row] = db.session.execute(select(Row.__table__)).all()
    assert row.secret_hash == logins.hash_of_secret("refresh", secret)
    assert row.rotation_hash == logins.hash_of_secret("refresh", second)
    assert not any(part in str(row) for part in (secret, first, second))


def test_what_follows_cannot_be_computed_without_the_keys(
    app: Flask, client: FlaskClient, login: Login
) -> None:
    """The table and the token that was stolen from a client do not tell the next one."""
    with testing.thawed(app, TOKEN_KEYS=keyrings.new_key()):
        other = refreshed(client, login)["refresh_token"]
    with app.app_context():
        [row] = db.session.scalars(select(Row))
        row.rotation_hash, row.previous_hash = row.previous_hash, None
        db.session.commit()
    assert refreshed(client, login)["refresh_token"] != other


@pytest.mark.parametrize("pause", [0, GRACE, ACCESS + 1])
def test_an_older_one_ends_the_whole_login_and_no_other(
    app: Flask, client: FlaskClient, login: Login, wait: Wait, pause: int
) -> None:
    add_user(app, "bob")
    other, newest = log_in(client, username="bob"), refreshed(client, refreshed(client, login))
    wait(pause)
    assert_refused(refresh(client, login))
    assert_dead(client, newest, login)
    assert_accepted(ask(client, refreshed(client, other)["token"]), "bob")


def test_a_client_that_lost_the_answer_gets_the_same_one_again_and_no_second_branch(
    client: FlaskClient, login: Login, wait: Wait
) -> None:
    first = refreshed(client, login)
    answers, accepted = [], []
    for pause in (0, 1, GRACE - 2):
        wait(pause)
        answers.append(refreshed(client, login))
        accepted.append(ask(client, answers[-1]["token"]).status_code)
    assert [again["refresh_token"] for again in answers] == [first["refresh_token"]] * 3
    assert accepted == [200] * 3
    refreshed(client, answers[-1])


@pytest.mark.parametrize(("grace", "pause"), [(GRACE, GRACE), (GRACE, -GRACE - 1), (0, 0)])
def test_after_the_grace_of_the_policy_a_repeated_one_ends_the_login(
    app: Flask,
    client: FlaskClient,
    login: Login,
    wait: Wait,
    configure: Configure,
    grace: int,
    pause: int,
) -> None:
    configure(app, REFRESH_GRACE=grace)
    newest = refreshed(client, login)
    wait(pause)
    assert_refused(refresh(client, login))
    assert_dead(client, newest, login)


def test_a_logout_by_any_access_token_and_a_new_password_beat_the_grace(
    app: Flask, client: FlaskClient, login: Login
) -> None:
    newest = refreshed(client, login)
    client.post(routes.LOGOUT, headers=headers_of(login))
    assert_dead(client, login, newest)
    login = log_in(client)
    newest = refreshed(client, login)
    with stored_user(app) as user:
        set_password(user, PASSWORD)
    assert_dead(client, login, newest)


def test_a_new_key_loses_no_answer(
    app: Flask, client: FlaskClient, login: Login, configure: Configure
) -> None:
    first = refreshed(client, login)
    ring = f"{keyrings.new_key('new')},{app.config['TOKEN_KEYS']}"
    configure(app, TOKEN_KEYS=ring)
    assert refreshed(client, login)["refresh_token"] == first["refresh_token"]
    refreshed(client, first)


def follow_owner(client: FlaskClient, owner: Login, *repeats: int) -> Login:
    """Let the owner refresh, and a thief repeat each refresh so many times right behind."""
    answered = []
    for number in repeats:
        answers = [refreshed(client, owner) for _ in range(1 + number)]
        answered.append(len({answer["refresh_token"] for answer in answers}))
        owner = answers[0]
    assert answered == [1] * len(repeats)
    return owner


@pytest.mark.parametrize("repeats", [(1, 1), (3, 2)])
def test_who_repeats_three_refreshes_in_a_row_ends_the_login(
    client: FlaskClient, login: Login, repeats: tuple[int, int]
) -> None:
    owner = follow_owner(client, login, *repeats)
    newest = refreshed(client, owner)
    assert_refused(refresh(client, owner))
    assert_dead(client, newest, owner)


@pytest.mark.parametrize("repeats", [(2, 2, 0) * 3, (9, 9), (1, 0, 1, 0, 1, 0, 1), (0, 1, 1, 0, 1)])
def test_a_client_that_loses_answers_now_and_then_stays_logged_in(
    client: FlaskClient, login: Login, repeats: tuple[int, ...]
) -> None:
    assert_accepted(ask(client, follow_owner(client, login, *repeats)["token"]))


def test_of_requests_at_once_all_get_one_successor_and_the_repeated_ones_count_once(
    file_app: Flask,
) -> None:
    owner = follow_owner(file_app.test_client(), log_in(file_app.test_client()), 1)

    def refresh_elsewhere(_: int) -> Login:
        return refreshed(file_app.test_client(), owner)

    with ThreadPoolExecutor(4) as clients:
        fresh = [*clients.map(refresh_elsewhere, range(8))]
    with file_app.app_context():
        [row] = db.session.scalars(select(Row))
        assert (row.repeats, row.repeated) == (2, True)
    assert len({each["refresh_token"] for each in fresh}) == 1
    assert_accepted(ask(file_app.test_client(), fresh[0]["token"]))


def test_the_log_names_a_second_use_and_a_use_after_the_end_and_no_expired_one(
    make_app: MakeApp, lines: Lines, wait: Wait
) -> None:
    client = make_app(TOKEN_TYPE="jwt", **PRODUCTION).test_client()
    login = log_in(client)
    newest = refreshed(client, refreshed(client, login))
    assert_refused(refresh(client, login))
    assert_refused(ask(client, newest["token"]))
    good, reuse, ended = lines()
    assert (reuse["event"], reuse["level"]) == ("authn_token_reuse", "error")
    assert ended["event"] == "session_use_after_expire"
    assert good["user_id"] == reuse["user_id"] == ended["user_id"]
    given = {each[kind] for each in (login, newest) for kind in ("token", "refresh_token")}
    assert {each for each in given if each in str((reuse, ended))} == set()
    expired = log_in(client)
    wait(LIFETIME)
    assert_refused(refresh(client, expired))
    assert [line["event"] for line in lines()] == ["authn_login_success"]


def test_refreshing_and_purging_neither_prolong_the_login_nor_forget_a_used_token(
    app: Flask, client: FlaskClient, login: Login, wait: Wait
) -> None:
    newest, purged = login, []
    for _ in range(3):
        wait(LIFETIME / 4)
        newest = refreshed(client, newest)
        with app.app_context():
            purged.append(logins.purge_logins())
    assert purged == [0, 0, 0]
    wait(LIFETIME / 4 - 2)
    newest = refreshed(client, newest)
    assert_accepted(ask(client, newest["token"]))
    wait(2)
    assert_dead(client, newest)
    login = log_in(client)
    newest = refreshed(client, refreshed(client, login))
    with app.app_context():
        logins.purge_logins()
    assert_refused(refresh(client, login))
    assert_dead(client, newest)


def test_the_log_names_a_repeated_answer_with_the_address_that_asked(
    make_app: MakeApp, lines: Lines
) -> None:
    client = make_app(TOKEN_TYPE="jwt", **PRODUCTION).test_client()
    login = log_in(client)
    refreshed(client, login)
    client.environ_base["REMOTE_ADDR"] = "198.51.100.1"
    refreshed(client, login)
    _, again = lines()
    seen = (again["event"], again["level"], again["source_ip"])
    assert seen == ("authn_token_reuse", "warning", "198.51.100.1")


def test_a_refresh_changes_neither_when_nor_where_the_login_began(
    client: FlaskClient, login: Login, wait: Wait
) -> None:
    [before] = client.get(routes.SESSIONS, headers=headers_of(login)).get_json()["sessions"]
    wait(15 * 60 + 1)
    client.environ_base |= {"HTTP_USER_AGENT": "curl/8.0", "REMOTE_ADDR": "198.51.100.1"}
    fresh = headers_of(refreshed(client, login))
    [after] = client.get(routes.SESSIONS, headers=fresh).get_json()["sessions"]
    assert before["client"]
    assert (after["client"], after["created"]) == (before["client"], before["created"])
    # So it is no recent login.
    assert client.delete(routes.SESSIONS, headers=fresh).status_code == 401


def test_an_unknown_one_is_401_and_ends_no_login(client: FlaskClient, login: Login) -> None:
    token = login["refresh_token"]
    secret, rotation = token.split(".")
    wrong = [f" {token}", token.swapcase(), f"Bearer {token}", rotation, f"{rotation}.{secret}"]
    wrong += [f"{each}.{rotation}" for each in (secret[:-1], "", "a" * 43)]
    wrong += [logins.hash_of_secret("refresh", secret).hex()]
    wrong += [".", "' OR '1'='1", "a" * 128, "é"]
    answers = {sent: send(client, sent) for sent in wrong}
    assert {sent: each.status_code for sent, each in answers.items()} == dict.fromkeys(wrong, 401)
    said = {sent: each.text + str(each.headers) for sent, each in answers.items() if len(sent) > 1}
    assert [sent for sent in said if sent in said[sent]] == []
    refreshed(client, login)


@pytest.mark.parametrize("wrong", ["", ".", ".x", ".{}A", ".{}."])
def test_a_secret_with_another_rotation_ends_the_login(
    client: FlaskClient, login: Login, wrong: str
) -> None:
    """Somebody with the secret alone did not get it from this site."""
    secret, rotation = login["refresh_token"].split(".")
    assert_refused(send(client, secret + wrong.format(rotation)))
    assert_dead(client, login)


@pytest.mark.asvs("9.2.2")
def test_neither_token_serves_in_the_place_of_the_other(client: FlaskClient, login: Login) -> None:
    assert send(client, login["token"]).status_code in (400, 401)
    assert_refused(ask(client, login["refresh_token"]))
    client.set_cookie("dev-session", login["refresh_token"])
    assert_refused(client.get(routes.ME))


@pytest.mark.parametrize("change", ["disabled for a while", "deleted"])
def test_the_tokens_of_a_user_who_was_disabled_or_deleted_are_dead(
    app: Flask, client: FlaskClient, login: Login, change: str
) -> None:
    if change == "deleted":
        with stored_user(app) as user:
            db.session.delete(user)
    else:
        for disabled in (True, False):
            with stored_user(app) as user:
                user.disabled = disabled
    assert_dead(client, login)


def test_anything_but_one_plain_text_in_its_place_is_400(client: FlaskClient, login: Login) -> None:
    assert [text for text in NO_PLAIN_TEXT if send(client, text).status_code != 400] == []
    token = login["refresh_token"]
    fields = {"refresh_token": token}
    assert client.post(REFRESH, json={**fields, "admin": True}).status_code == 400
    client.set_cookie("refresh_token", token)
    headers = {"Authorization": f"Bearer {token}", **fields}
    assert client.post(REFRESH, query_string=fields, headers=headers, json={}).status_code == 400
    assert client.post(REFRESH, data=fields, headers=OWN_PAGE).status_code == 415
    client.delete_cookie("refresh_token")
    refreshed(client, login)


def test_guessing_is_slowed_and_refreshing_is_not_and_passwords_are_counted_apart(
    app: Flask, client: FlaskClient, login: Login, configure: Configure
) -> None:
    configure(app, LOGIN_RATE_LIMIT="1 per minute")
    for _ in range(WIDE + 2):
        login = refreshed(client, login)
    answers = [send(client, "a guess").status_code for _ in range(WIDE + 1)]
    assert answers == [401] * WIDE + [429]
    answer = refresh(client, login)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert client.post(routes.LOGIN, json=LOGIN).status_code == 200
