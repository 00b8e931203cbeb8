"""Logging in by name or address, and where a login leads."""

from collections.abc import Iterator
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.credentials import MAX_USERNAME
from app.auth import throttle
from tests import routes
from tests.accounts.conftest import CountWork
from tests.accounts.people import (
    ADDRESS,
    OWN_FORM,
    begin_login,
    code_of,
    create_user,
    give_address,
    headers_of,
    send_code,
)
from tests.accounts.test_login import without_random
from tests.conftest import LOGIN, PASSWORD, USERNAME, is_logged_in, log_in, stored_user

# From an ASCII letter to the same letter of full width.
WIDE = 0xFF41 - ord("a")
WRONG = "a wrong long password"
# The same address for the index that finds it.
SPELLINGS = [ADDRESS, ADDRESS.upper(), ADDRESS.title()]
HOSTILE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/\t/evil.example",
    " https://evil.example",
    "https://localhost@evil.example",
    "/..//evil.example",
]


# As a client sends a body whose length it does not know.
IN_CHUNKS = {
    "HTTP_TRANSFER_ENCODING": "chunked",
    "CONTENT_LENGTH": "",
    "wsgi.input_terminated": True,
}


def test_credentials_in_chunks_are_those_that_were_sent(client: FlaskClient) -> None:
    wrong = {**LOGIN, "password": WRONG}
    refused = client.post(routes.LOGIN, json=wrong, environ_overrides=IN_CHUNKS)
    assert refused.status_code == 401
    answer = client.post(routes.LOGIN, json=LOGIN, environ_overrides=IN_CHUNKS)
    assert is_logged_in(client, headers_of(answer))


@pytest.mark.usefixtures("unhurried")
def test_the_address_logs_in_like_the_name_in_any_spelling(
    client: FlaskClient, address: str
) -> None:
    for username in (USERNAME, *SPELLINGS):
        credentials = log_in(client, username=username)
        shown = client.get(routes.ME, headers=credentials).get_json()
        assert (shown["username"], shown["email"]) == (USERNAME, ADDRESS)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.asvs("6.3.8")
def test_no_answer_tells_whether_an_address_is_known(
    app: Flask, client: FlaskClient, address: str, count_work: CountWork
) -> None:
    create_user(app, "disabled", "disabled@example.org")
    with stored_user(app, "disabled") as user:
        user.disabled = True
    tries = [ADDRESS, USERNAME, "nobody", "nobody@example.org", "disabled@example.org"]
    said, done = [], []
    for username in tries:
        body = {"username": username, "password": WRONG}
        answer = client.post(routes.LOGIN, json=body)
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers
        said.append(without_random(answer))
        done.append(count_work(partial(client.post, routes.LOGIN, json=body)))
    assert said == [said[0]] * len(tries)
    assert done == [done[0]] * len(tries)


@pytest.mark.asvs("6.3.1")
def test_all_spellings_of_an_address_share_one_limit(
    app: Flask, client: FlaskClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known or not, so that a limit does not tell which it is."""
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "2 per minute")
    monkeypatch.setattr(throttle, "ACCOUNT_FACTOR", 2)
    several = sites()

    unknown = ["nobody@example.org", "Nobody@Example.org", "NOBODY@EXAMPLE.ORG"]
    names = [USERNAME, USERNAME.upper(), "".join(chr(ord(each) + WIDE) for each in USERNAME)]
    for first, second, third in (SPELLINGS, unknown, names):
        # From everywhere, until the limit of the account is met.
        tried = [
            fail(client, spelling, next(several)) for spelling in (first, second, third, second)
        ]
        assert tried == [401] * 4
        # Then each address has one try, where others have two.
        for spelling in (second, third):
            site = next(several)
            assert [fail(client, name, site) for name in (first, spelling)] == [401, 429]


def test_no_limit_tells_which_name_and_address_belong_together(
    app: Flask, client: FlaskClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "2 per minute")
    monkeypatch.setattr(throttle, "ACCOUNT_FACTOR", 2)
    several = sites()
    for other in (address, "nobody@example.org"):
        names = (USERNAME, USERNAME, other, other)
        assert [fail(client, name, next(several)) for name in names] == [401] * 4
        # One count for both would leave this address one try.
        site = next(several)
        assert [fail(client, name, site) for name in (USERNAME, other)] == [401, 401]


def sites() -> Iterator[str]:
    return (f"198.51.100.{last}" for last in range(1, 255))


def fail(client: FlaskClient, username: str, site: str) -> int:
    body = {"username": username, "password": WRONG}
    where = {"REMOTE_ADDR": site}
    return client.post(routes.LOGIN, json=body, environ_overrides=where).status_code


@pytest.mark.usefixtures("unhurried")
def test_a_user_without_an_address_logs_in_by_name_and_by_no_empty_address(
    client: FlaskClient,
) -> None:
    assert is_logged_in(client, log_in(client))
    for username in ("@", "None", "@example.org"):
        body = {"username": username, "password": PASSWORD}
        assert client.post(routes.LOGIN, json=body).status_code == 401


@pytest.mark.usefixtures("unhurried")
def test_the_name_of_one_user_is_not_the_address_of_another(
    app: Flask, client: FlaskClient, address: str
) -> None:
    """An operator may give names that nobody may choose: the name goes first."""
    create_user(app, ADDRESS)
    credentials = log_in(client, username=ADDRESS)
    assert client.get(routes.ME, headers=credentials).get_json()["username"] == ADDRESS


@pytest.mark.usefixtures("unhurried")
def test_a_name_of_another_unicode_form_still_logs_in(app: Flask, client: FlaskClient) -> None:
    """Operators could give one before names were stored in their normal form."""
    for name in ("\uff41da", "jo\u0308rg", " ada"):
        create_user(app, name)
        credentials = log_in(client, username=name)
        assert client.get(routes.ME, headers=credentials).get_json()["username"] == name
    # The normal form is not the name of the other.
    assert client.get(routes.ME, headers=log_in(client)).get_json()["username"] == USERNAME


@pytest.mark.usefixtures("unhurried")
def test_an_address_of_the_greatest_length_is_accepted(app: Flask, client: FlaskClient) -> None:
    longest = ("a" * 64 + "@" + "b" * 60 + "." + "c" * 200)[:MAX_USERNAME]
    give_address(app, longest)
    assert is_logged_in(client, log_in(client, username=longest))


@pytest.mark.usefixtures("unhurried")
@pytest.mark.asvs("3.7.2")
def test_no_login_leads_to_another_site(app: Flask, secret: str, subtests: pytest.Subtests) -> None:
    for target in HOSTILE:
        client = app.test_client()
        with subtests.test(target):
            for answer in (
                client.post(routes.LOGIN, query_string={"next": target}, json=LOGIN),
                client.post(
                    routes.LOGIN, query_string={"next": target}, data=LOGIN, headers=OWN_FORM
                ),
            ):
                assert "evil" not in answer.text + str(answer.headers)
                assert "javascript" not in answer.headers.get("Location", "")
            assert client.post(routes.LOGIN, json={**LOGIN, "next": target}).status_code == 400


@pytest.mark.usefixtures("unhurried")
def test_the_password_again_makes_a_login_recent_for_who_has_a_second_factor(
    client: FlaskClient, secret: str
) -> None:
    credentials = headers_of(send_code(client, begin_login(client), code_of(secret)))
    path = routes.path_of("login.reauthenticate")
    for password, status in ((WRONG, 403), (PASSWORD, 200)):
        answer = client.post(path, json={"password": password}, headers=credentials)
        assert answer.status_code == status
    assert is_logged_in(client, headers_of(answer))
