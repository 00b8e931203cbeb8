"""What holds for every mailed link, and for every form that asks for a mail."""

import json
import re
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import checked_address
from secure_flask.accounts.mail_limits import LEAST_OF_NETWORK
from secure_flask.web.view_options import options_of
from werkzeug.test import TestResponse

from core import routes
from core.accounts.observing import RANDOM, Seen, observe, stored_rows
from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    CONFIRM,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    away,
    delivered,
    give_address,
    link_in,
    register,
    send,
)
from views.conftest import (
    LOGIN,
    OWN,
    OWN_PAGE,
    PRODUCTION,
    USERNAME,
    Lines,
    MakeApp,
    add_user,
    invalid_fields,
    log_in,
    log_in_by_form,
    post,
    stored_user,
)

LONGEST = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.org"
DISABLED, WAITING, NEW = "disabled@example.org", "waiting@example.org", "new@example.org"
# What leads to a link of each kind.
ASKED = {REGISTER: REGISTRATION, RESET: {"email": ADDRESS}, CHANGE_EMAIL: {"email": NEW}}
MAILING = [REGISTER, CONFIRM, RESET, CHANGE_EMAIL]
ROUTES = [*MAILING, f"{RESET}/x", f"{CONFIRM}/x", f"{CHANGE_EMAIL}/x"]
Ask = Callable[[str, dict[str, str]], TestResponse]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that is logged in, which counts at /change-email alone."""
    give_address(app)
    add_user(app, "disabled")
    give_address(app, DISABLED, "disabled")
    with stored_user(app, "disabled") as user:
        user.disabled = True
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    register(elsewhere, email=WAITING, username="waiting")
    return log_in_by_form(app.test_client())


@pytest.fixture(params=["JSON", "form"])
def ask(request: pytest.FixtureRequest, client: FlaskClient) -> Ask:
    """Asks for a mail by JSON or by a form, with what the route takes."""

    def call(path: str, body: dict[str, str]) -> TestResponse:
        sent = {**REGISTRATION, **body} if path == REGISTER else {"email": body["email"]}
        by_json = request.param == "JSON"
        return send(client, path, {**sent}) if by_json else post(client, path, **sent)

    return call


def links(app: Flask) -> dict[str, str]:
    """A link of each kind, by its path."""
    client = app.test_client()
    credentials = log_in(client)
    mailed = {}
    for path, body in ASKED.items():
        to = body["email"]
        send(client, path, {**body}, credentials)
        mailed[path] = link_in(next(mail for mail in delivered(app)[::-1] if mail["To"] == to))
    return mailed


# What strangers learn.


def assert_alike(seen: dict[str, Seen], status: int = 200) -> None:
    assert {name: each.status for name, each in seen.items()} == dict.fromkeys(seen, status)
    assert seen == dict.fromkeys(seen, seen[next(iter(seen))])


def without_address(seen: Seen, typed: str) -> Seen:
    """The same without the address that was typed, which the page shows, and without the length."""
    headers = re.sub(r"Content-Length: \d+", "", seen.headers)
    return seen._replace(headers=headers, body=seen.body.replace(checked_address(typed), ""))


@pytest.mark.asvs("6.3.8")
@pytest.mark.parametrize("path", MAILING)
def test_nothing_tells_whether_an_address_is_known(app: Flask, ask: Ask, path: str) -> None:
    for _ in range(2):
        # From the third on, a notice of the same hour is only counted.
        ask(path, {"email": NEW})
    addresses = [ADDRESS, ADDRESS.upper(), "nobody@example.org", DISABLED, WAITING]
    seen = {
        each: without_address(observe(app, partial(ask, path, {"email": each})), each)
        for each in addresses
    }
    assert_alike(seen)
    assert "set-cookie" not in seen[ADDRESS].headers.lower()
    assert "no-store" in seen[ADDRESS].headers


@pytest.mark.asvs("6.3.8")
def test_nothing_tells_whether_a_name_is_known(app: Flask, ask: Ask) -> None:
    names = [USERNAME, USERNAME.upper(), "nobody", "disabled", "waiting"]
    assert_alike({each: observe(app, partial(ask, REGISTER, {"username": each})) for each in names})


@pytest.mark.asvs("6.3.8")
def test_no_login_tells_whether_a_name_or_an_address_is_known(
    app: Flask, client: FlaskClient
) -> None:
    def fail(name: str) -> TestResponse:
        return send(client, routes.LOGIN, {"username": name, "password": STRONG})

    for names in ([USERNAME, "nobody", "disabled"], [ADDRESS, LONGEST, DISABLED, WAITING]):
        assert_alike({each: observe(app, partial(fail, each)) for each in names}, status=401)


@pytest.mark.parametrize("path", MAILING)
def test_what_is_no_address_is_said_of_its_field(client: FlaskClient, path: str) -> None:
    body = {**(REGISTRATION if path == REGISTER else {}), "email": "grace@ex ample.org"}
    assert send(client, path, {**body}).get_json()["fields"].keys() == {"email"}
    assert invalid_fields(post(client, path, **body).text) == ["email"]


# What a client may do how often.


@pytest.mark.parametrize("path", ROUTES)
def test_forms_and_json_are_one_count(app: Flask, client: FlaskClient, path: str) -> None:
    view, _ = app.url_map.bind("").match(path, "POST")
    most = int((options_of(app.view_functions[view], "POST").limited or "").split()[0])
    calls = [partial(send, client, path, {}), partial(post, client, path)]
    statuses = [calls[number % 2]().status_code for number in range(most + 2)]
    assert 429 not in statuses[:most]
    assert statuses[most:] == [429, 429]


def test_strangers_get_no_cookie(app: Flask) -> None:
    client = app.test_client()
    answers = {path: client.get(path, headers=OWN) for path in ROUTES}
    assert [path for path, each in answers.items() if "Set-Cookie" in each.headers] == []


@pytest.mark.parametrize("email", [ADDRESS, REGISTRATION["email"]], ids=["known", "unknown"])
@pytest.mark.parametrize("path", MAILING)
def test_all_routes_answer_as_before_once_the_mailbox_had_enough(
    app: Flask, client: FlaskClient, ask: Ask, path: str, email: str
) -> None:
    answers = [ask(path, {"email": email}) for _ in range(LEAST_OF_NETWORK)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({RANDOM.sub("", answer.text) for answer in answers}) == 1


# The links.


@pytest.mark.asvs("3.5.3")
def test_to_open_a_page_or_a_link_changes_nothing(app: Flask, client: FlaskClient) -> None:
    """As the scanners of mail servers do."""
    pages = [*MAILING, "/change-username", *links(app).values()]
    before = stored_rows(app)
    opened = [
        (method, page, client.open(page, method=method).status_code)
        for method in ["GET", "HEAD"] * 2
        for page in pages
    ]
    assert [each for each in opened if each[-1] != 200] == []
    assert stored_rows(app) == before


@pytest.mark.asvs("2.3.1")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CONFIRM, {"new_password": STRONG}),
        (RESET, {"password": STRONG}),
        (CHANGE_EMAIL, {"password": LOGIN["password"]}),
    ],
    ids=[CONFIRM, RESET, CHANGE_EMAIL],
)
def test_a_link_serves_only_what_it_was_mailed_for(
    app: Flask, client: FlaskClient, path: str, body: dict[str, object]
) -> None:
    secrets = dict(link.rsplit("/", 1) for link in links(app).values())
    del secrets[path]
    secrets |= {"unknown": "x" * 43, "not ASCII": "é"}
    answers = {of: send(client, f"{path}/{secret}", body) for of, secret in secrets.items()}
    found = {of: (each.status_code, [*each.get_json()]) for of, each in answers.items()}
    assert found == dict.fromkeys(secrets, (404, ["error"]))


@pytest.mark.parametrize(
    ("path", "next_page"), [(CONFIRM, REGISTER), (RESET, RESET), (CHANGE_EMAIL, CHANGE_EMAIL)]
)
def test_a_link_that_does_not_work_any_more_leads_on(app: Flask, path: str, next_page: str) -> None:
    client = app.test_client()
    answers = [client.get(f"{path}/x"), post(client, f"{path}/x", username="x", password="y")]
    assert [each.status_code for each in answers] == [404, 404]
    ways = [f'href="{next_page}"', f'href="{routes.LOGIN}"']
    assert [[way for way in ways if way in each.text] for each in answers] == [ways, ways]


@pytest.mark.asvs("6.4.3")
def test_links_lead_to_public_url_whatever_host_was_asked_for(make_app: MakeApp) -> None:
    hosts, site = ["www.example.org", "evil.example.org"], "http://www.example.org"
    app = make_app(trusted_hosts=hosts, public_url=site)
    give_address(app)
    evil = "http://evil.example.org"
    client = app.test_client()
    issued = client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE, base_url=evil)
    assert issued.status_code == 200
    headers = {**OWN_PAGE, "X-Forwarded-Host": "evil.example.org", "Forwarded": "host=evil"}
    ask = partial(client.post, headers=headers, base_url=evil)
    statuses = {path: ask(path, json=body).status_code for path, body in ASKED.items()}
    assert statuses == dict.fromkeys(ASKED, 200)
    mails = delivered(app)
    assert sum(f"{site}/" in mail.get_content() for mail in mails) == 3
    assert not any("evil.example" in mail.get_content() for mail in mails)


def test_what_is_not_stored_mails_nothing(
    app: Flask, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored_rows(app)
    with monkeypatch.context() as broken:
        broken.setattr(db.session, "commit", away)
        statuses = {path: ask(path, {"email": NEW}).status_code for path in MAILING}
    assert statuses == dict.fromkeys(MAILING, 503)
    assert stored_rows(app)["outgoing_mails"] == before["outgoing_mails"]


# What is written down.


def test_the_audit_log_names_what_was_asked_for_and_done(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    client = app.test_client()
    credentials = log_in(client)
    lines()
    asked = {**ASKED, "/change-username": {"username": "countess"}}
    answers = {path: send(client, path, {**body}, credentials) for path, body in asked.items()}
    assert {path: each.status_code for path, each in answers.items()} == dict.fromkeys(asked, 200)
    written = lines()
    events = [(line["event"], line.get("change")) for line in written if "account" in line]
    assert events == [
        ("registration_requested", None),
        ("password_reset_requested", None),
        ("email_change_requested", None),
        ("user_updated", "name"),
    ]
    secrets = (NEW, ADDRESS, STRONG, "grace", "countess")
    assert [secret for secret in secrets if secret in json.dumps(written)] == []
