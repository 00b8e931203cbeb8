"""`/register` and `/confirm`: only who reads the mails of an address gets an account with it."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import mail_limits, outbox
from secure_flask.accounts.addresses import INVALID_ADDRESS
from secure_flask.accounts.outbox import HOUR
from secure_flask.accounts.registration import LIFETIME, MAX_OPEN, MAX_PENDING
from secure_flask.accounts.registration import REGISTRATION as REGISTRATION_STEP
from secure_flask.accounts.steps import MAX_FAILURES, Step
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from app.models import User
from core import routes
from core.accounts.filling import fill_steps
from core.accounts.observing import counted_attempts, counted_hashes, statements, stored_rows
from core.statements import SIZES, counted_statements
from tests.page_elements import Elements
from views.accounts.people import (
    ADDRESS,
    CONFIRM,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    can_log_in,
    database_in,
    delivered,
    give_address,
    link_in,
    mailed_link,
    poor_passwords,
    register,
    registered_link,
    send,
)
from views.conftest import (
    OWN_PAGE,
    PASSWORD,
    USERNAME,
    MakeApp,
    Wait,
    add_user,
    assert_leads_to,
    every_token_type,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
    stored_user,
)

NAME, EMAIL = REGISTRATION["username"], REGISTRATION["email"]
CHECK = "Check your e-mail"
THIEF = "forty thieves in a row of jars of oil, and a word that opens the door"
AT_ONCE = 8


def users(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(User)) or 0


def shown_fields(page: str) -> list[str]:
    """The names of the fields that a person sees in the form of a page, in their order."""
    fields = Elements(page).of("input")
    return [each["name"] for each in fields if each.get("name") and each.get("type") != "hidden"]


def confirm(client: FlaskClient, link: str, **body: str) -> int:
    return send(client, link, {**body}).status_code


@every_token_type
def test_a_registered_person_logs_in_once_the_address_is_confirmed(
    app: Flask, client: FlaskClient
) -> None:
    link = registered_link(app, client)
    assert link.startswith(f"{CONFIRM}/")
    assert not can_log_in(client, NAME)
    answer = send(client, link, {"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": NAME})
    assert (answer.cache_control.no_store, "Set-Cookie" in answer.headers) == (True, False)
    for name in (NAME, NAME.upper(), EMAIL, EMAIL.title()):
        assert can_log_in(client, name)


def test_people_register_and_are_logged_in_once_the_address_is_confirmed_on_a_page(
    app: Flask, client: FlaskClient
) -> None:
    sent = post(client, REGISTER, **{**REGISTRATION, "email": f" {EMAIL} "})
    assert (sent.status_code, "Set-Cookie" in sent.headers) == (200, False)
    link = mailed_link(app)
    for wrong in ("", THIEF):
        refused = post(client, link, password=wrong)
        assert (refused.status_code, invalid_fields(refused.text)) == (422, ["password"])
        assert not is_logged_in(client)
    assert_leads_to(post(client, link, password=STRONG), "/")
    assert client.get(routes.ME).get_json()["username"] == NAME
    assert "Your account is ready" in client.get("/").text


def test_the_password_is_typed_once_to_register_and_once_to_confirm(
    app: Flask, client: FlaskClient
) -> None:
    assert shown_fields(client.get(REGISTER).text) == ["username", "email", "password"]
    page = client.get(registered_link(app, client)).text
    assert (EMAIL in page, shown_fields(page)) == (True, ["password"])


def test_who_forgot_the_password_or_never_had_one_chooses_another(
    app: Flask, client: FlaskClient
) -> None:
    link = registered_link(app, client)
    ways = Elements(client.get(link).text).of("a")
    [choose] = [each["href"] for each in ways if link in each["href"]]
    page = client.get(choose).text
    assert (EMAIL in page, f'value="{NAME}"' in page) == (True, True)
    assert shown_fields(page) == ["username", "new_password"]
    assert invalid_fields(post(client, choose, username=NAME).text) == ["new_password"]
    assert_leads_to(post(client, choose, username="rear admiral", new_password=THIEF), "/")
    assert client.get(routes.ME).get_json()["username"] == "rear admiral"
    assert can_log_in(client, EMAIL, THIEF)


def test_the_one_who_confirms_is_logged_in_and_nobody_else(app: Flask, client: FlaskClient) -> None:
    link = registered_link(app, client)
    log_in_by_form(client)
    assert_leads_to(post(client, link, password=STRONG), "/")
    assert client.get(routes.ME).get_json()["username"] == NAME


def test_where_an_owner_lets_nobody_in_at_once_the_page_says_that_the_account_is_ready(
    app: Flask, client: FlaskClient
) -> None:
    link = registered_link(app, client)
    event.listen(User, "before_insert", disable)
    try:
        ready = post(client, link, password=STRONG)
    finally:
        event.remove(User, "before_insert", disable)
    assert (ready.status_code, is_logged_in(client)) == (200, False)
    assert "Your account is ready" in ready.text


def disable(mapper: object, connection: object, user: User) -> None:
    user.disabled = True


def test_on_a_page_too_the_password_shows_which_registration_is_meant(
    app: Flask, client: FlaskClient
) -> None:
    link = registered_link(app, client, username="thief", password=THIEF)
    # So soon after the other one it gets no mail.
    register(client)
    assert_leads_to(post(client, link, password=STRONG), "/")
    assert client.get(routes.ME).get_json()["username"] == NAME


def test_a_few_wrong_passwords_on_a_page_end_the_link(app: Flask, client: FlaskClient) -> None:
    link = registered_link(app, client)
    tried = [post(client, link, password=THIEF).status_code for _ in range(MAX_FAILURES)]
    assert tried == [422] * (MAX_FAILURES - 1) + [404]
    ended = post(client, link, password=STRONG)
    assert (ended.status_code, is_logged_in(client)) == (404, False)
    assert "The link has expired or was already used." in ended.text
    # There is no way around it by another password either.
    choice = {"username": NAME, "new_password": STRONG}
    assert post(client, f"{link}?choose=another", **choice).status_code == 404


# "Check your e-mail".


@pytest.mark.parametrize("path", [REGISTER, CONFIRM, RESET])
def test_the_next_page_shows_the_address_and_leads_to_another_mail(
    client: FlaskClient, path: str
) -> None:
    page = post(client, path, **REGISTRATION).text
    assert (f"<h1>{CHECK}</h1>" in page, EMAIL in page) == (True, True)
    # In development also to the mail itself.
    for way in (RESET if path == RESET else CONFIRM, "/dev/mailbox"):
        assert f'href="{way}"' in page


def test_who_gets_no_mail_finds_at_the_login_when_another_can_be_asked_for(
    client: FlaskClient,
) -> None:
    login = client.get(routes.LOGIN).text
    assert ("Registered, no mail?" in login, f'href="{CONFIRM}"' in login) == (True, True)
    assert "ten minutes" in client.get(CONFIRM).text
    assert mail_limits.AGAIN == 10 * 60


# A stranger registers the address of somebody else.


@pytest.mark.parametrize("strangers", [1, MAX_PENDING, MAX_PENDING + 2])
def test_a_strangers_earlier_registrations_give_neither_their_name_nor_their_password(
    app: Flask, client: FlaskClient, wait: Wait, strangers: int
) -> None:
    for number in range(strangers):
        register(client, username=f"thief {number}", password=THIEF)
    theirs = mailed_link(app)
    wait(1)
    # Where its own mail is beyond the limit, the password shows which registration is meant.
    answer = send(client, registered_link(app, client), {"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": NAME})
    for name in (NAME, EMAIL, "thief 0"):
        assert not can_log_in(client, name, THIEF)
    assert confirm(client, theirs, password=THIEF) == 404


def test_a_strangers_later_registrations_do_not_hide_ones_own(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    link = registered_link(app, client)
    wait(1)
    for number in range(MAX_PENDING + 1):
        register(client, username=f"thief {number}", password=THIEF)
    answer = send(client, link, {"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": NAME})


def test_who_opens_a_strangers_link_chooses_name_and_password(
    app: Flask, client: FlaskClient
) -> None:
    link = registered_link(app, client, username="thief", password=THIEF)
    assert confirm(client, link) == 400
    assert send(client, link, {}).get_json()["fields"].keys() == {"password"}
    assert confirm(client, link, password=STRONG) == 403
    # What a password manager fills in beside the new one does not matter.
    body = {"password": PASSWORD, "new_password": STRONG, "username": NAME}
    assert send(client, link, {**body}).get_json() == {"username": NAME}
    assert can_log_in(client, EMAIL)
    assert not any(can_log_in(client, name, THIEF) for name in (NAME, EMAIL, "thief"))


def test_a_password_takes_as_many_hashes_for_any_number_of_registrations(
    app: Flask, client: FlaskClient
) -> None:
    numbers = set()
    for number in range(MAX_PENDING + 1):
        link = registered_link(app, client, username=f"thief {number}", password=THIEF)
        with counted_hashes() as hashes:
            assert confirm(client, link, password=STRONG) == 403
        numbers.add(len(hashes))
    assert numbers == {MAX_PENDING}


def test_guesses_at_all_registrations_of_an_address_are_one_count(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(login_rate_limit="2 per minute")
    client, counted = app.test_client(), counted_attempts(monkeypatch)
    links = [registered_link(app, client, username=f"grace {number}") for number in range(2)]
    assert [confirm(client, link, password=THIEF) for link in [*links, *links]] == [
        403,
        403,
        429,
        429,
    ]
    assert len(counted) == 1


def test_no_other_registration_becomes_an_account_later(app: Flask, client: FlaskClient) -> None:
    links = [registered_link(app, client, username=f"grace {number}") for number in range(3)]
    before = users(app)
    assert confirm(client, links[1], password=STRONG) == 200
    assert [confirm(client, link, password=STRONG) for link in links] == [404] * 3
    # Not once the account is gone either.
    with stored_user(app, EMAIL) as user:
        db.session.delete(user)
    assert [confirm(client, link, password=STRONG) for link in links] == [404] * 3
    assert users(app) == before


def test_a_link_whose_address_got_an_account_meanwhile_leads_to_it(
    app: Flask, client: FlaskClient
) -> None:
    link = registered_link(app, client)
    give_address(app, EMAIL.upper())
    assert confirm(client, link, password=STRONG) == 404
    for page in (client.get(link), post(client, link, username=NAME, password=STRONG)):
        assert page.status_code == 404
        assert all(f'href="{path}"' in page.text for path in (routes.LOGIN, RESET, REGISTER))


# A stranger registers one address again and again.


def registrations(app: Flask) -> list[tuple[str, bool]]:
    """The names of the open registrations, the oldest first, and whether each was mailed."""
    with app.app_context():
        now = int(time.time())
        mine = select(Step).where(Step.purpose == REGISTRATION_STEP, Step.expires > now)
        found = db.session.scalars(mine.order_by(Step.expires))
        return [(step.data["name"], step.mailed) for step in found]


def test_an_address_has_ten_open_ones_and_a_further_one_replaces_the_oldest_without_a_mail(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    for number in range(MAX_OPEN + 2):
        assert register(client, username=f"thief {number}").status_code == 200
        delivered(app)
        wait(1)
    # The first one has had its mail.
    kept = ["thief 0", *(f"thief {number}" for number in range(3, MAX_OPEN + 2))]
    assert [name for name, _ in registrations(app)] == kept
    assert [mailed for _, mailed in registrations(app)] == [True] + [False] * (MAX_OPEN - 1)


def test_one_that_is_pushed_out_before_its_mail_leaves_this_mail_to_the_newest(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    """Otherwise eleven registrations of a stranger use up the mail of the owner, and none goes."""
    for number in range(MAX_OPEN + 1):
        assert register(client, username=f"thief {number}").status_code == 200
        wait(1)
    assert register(client).status_code == 200
    link = mailed_link(app)
    body = {"username": REGISTRATION["username"], "new_password": STRONG}
    assert send(client, link, {**body}).status_code == 200
    assert can_log_in(client, REGISTRATION["username"])


def test_where_all_ten_had_their_mail_a_new_one_is_dropped_with_the_same_answer(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    for number in range(MAX_OPEN):
        register(client, username=f"thief {number}")
        delivered(app)
        wait(HOUR // 2)
    before, mails = registrations(app), len(delivered(app))
    assert [mailed for _, mailed in before] == [True] * MAX_OPEN
    with statements(app) as of_room:
        answers = [register(client, email="new@example.org")]
    with statements(app) as of_none:
        answers += [register(client)]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert of_room == of_none
    assert registrations(app) == [*before, (NAME, False)]
    assert [mail["To"] for mail in delivered(app)[mails:]] == ["new@example.org"]


def test_registrations_at_once_are_ten_at_most(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(database_url=database_in(tmp_path))

    def sign_up(number: int) -> int:
        return register(app.test_client(), username=f"grace {number}").status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert {*threads.map(sign_up, range(2 * MAX_OPEN))} == {200}
    assert len(registrations(app)) == MAX_OPEN


def test_of_eight_confirmations_of_one_address_at_once_one_makes_an_account(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ends the registrations of the others, which must not wait for each other."""
    monkeypatch.setattr(mail_limits, "PER_ADDRESS", AT_ONCE)
    app = make_app(database_url=database_in(tmp_path))
    fill_steps(app, 50, EMAIL)
    links = links_of(app, AT_ONCE)

    def make(number: int) -> int:
        body = {"new_password": STRONG, "username": f"grace {number}"}
        return confirm(app.test_client(), links[number], **body)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = [*threads.map(make, range(AT_ONCE))]
    assert sorted(statuses) == [200] + [404] * (AT_ONCE - 1)
    assert registrations(app) == []


def links_of(app: Flask, number: int) -> list[str]:
    """Links that confirm the address, each of another mail."""
    register(app.test_client())
    with app.app_context():
        for _ in range(number):
            outbox.add_link("confirm", EMAIL)
        db.session.commit()
    return [link_in(mail) for mail in delivered(app)][-number:]


@pytest.mark.parametrize("at", ["another", "this"])
def test_a_full_table_costs_a_registration_and_its_confirmation_no_more_rows(
    make_app: MakeApp, tmp_path: Path, at: str
) -> None:
    counted = {}
    for size in SIZES:
        folder = tmp_path / str(size)
        folder.mkdir()
        app = make_app(database_url=database_in(folder))
        client = app.test_client()
        link = registered_link(app, client)
        fill_steps(app, size, EMAIL if at == "this" else "another@example.org")
        with app.app_context(), counted_statements(db.engine) as found:
            register(client, username="another")
            assert client.get(link).status_code == 200
            assert confirm(client, link, password=STRONG) == 200
        counted[size] = found.sizes
    assert counted[SIZES[0]] == counted[SIZES[1]]


# Names.


def test_a_registration_reserves_no_name_and_another_may_be_chosen(
    app: Flask, client: FlaskClient
) -> None:
    link = registered_link(app, client)
    add_user(app, NAME.upper())
    answer = send(client, link, {"password": STRONG})
    assert (answer.status_code, answer.get_json()["fields"].keys()) == (409, {"username"})
    page = post(client, link, password=STRONG)
    assert (page.status_code, invalid_fields(page.text)) == (422, ["username"])
    assert shown_fields(page.text) == ["username", "password"]
    page = post(client, link, username="rear admiral", password=THIEF)
    assert 'value="rear admiral"' in page.text
    assert_leads_to(post(client, link, username="rear admiral", password=STRONG), "/")
    assert can_log_in(client, "rear admiral")


@pytest.mark.parametrize(("body", "status"), [({"password": THIEF}, 403), ({}, 409)])
def test_a_few_wrong_passwords_or_taken_names_end_a_link(
    app: Flask, client: FlaskClient, body: dict[str, str], status: int
) -> None:
    """Otherwise it would tell of any number of names whether they are taken."""
    link = registered_link(app, client, username=USERNAME)
    tried = [confirm(client, link, **{"password": STRONG, **body}) for _ in range(MAX_FAILURES)]
    assert tried == [status] * MAX_FAILURES
    assert confirm(client, link, password=STRONG, username=NAME) == 404
    # The last try by a form ends at a page that leads on.
    assert f'href="{REGISTER}"' in post(client, link, username=NAME, password=STRONG).text


# What is mailed.


def test_the_mail_comes_again_and_each_link_serves_no_longer_than_a_day(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    first = registered_link(app, client)
    wait(LIFETIME - 1)
    assert send(client, CONFIRM, {"email": EMAIL.upper()}).status_code == 200
    again = mailed_link(app)
    assert [client.get(link).status_code for link in (first, again)] == [200, 200]
    wait(1)
    assert [client.get(link).status_code for link in (first, again)] == [404, 404]
    assert confirm(client, again, password=STRONG) == 404
    sent = len(delivered(app))
    # No registration is left whose mail could come again.
    send(client, CONFIRM, {"email": EMAIL})
    assert len(delivered(app)) == sent


@pytest.mark.parametrize("path", [REGISTER, CONFIRM])
def test_who_has_an_account_is_told_by_mail_alone(
    app: Flask, client: FlaskClient, path: str
) -> None:
    give_address(app)
    body = {**REGISTRATION, "email": ADDRESS.upper()}
    send(client, path, {**body} if path == REGISTER else {"email": body["email"]})
    message = delivered(app)[-1]
    assert message["To"] == ADDRESS
    # Its link sets a new password of that account.
    assert send(client, link_in(message), {"password": STRONG}).status_code == 200
    assert can_log_in(client, USERNAME)
    with stored_user(app) as user:
        user.disabled = True
    sent = len(delivered(app))
    register(client, email=ADDRESS)
    assert len(delivered(app)) == sent


def test_the_database_shows_neither_address_nor_password_nor_link(
    app: Flask, client: FlaskClient
) -> None:
    register(client)
    waiting = str(stored_rows(app))
    link = mailed_link(app)
    for secret in (NAME, EMAIL, STRONG, "argon2", link.rpartition("/")[2]):
        assert secret not in waiting.replace("argon2id$v=19", "", 1)
        assert secret not in str(stored_rows(app)).replace("argon2id$v=19", "", 1)


# What cannot be used.


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("password", each) for each in poor_passwords(NAME, EMAIL)),
        ("username", ADDRESS),
        ("username", "gr\u200bace"),
        ("email", "grace"),
        ("email", "grace@example.org\nBcc: me@example.org"),
    ],
)
def test_what_cannot_be_used_is_said_of_its_field(
    app: Flask, client: FlaskClient, field: str, wrong: str
) -> None:
    before = stored_rows(app)
    answer = register(client, **{field: wrong})
    assert (answer.status_code, answer.get_json()["fields"].keys()) == (400, {field})
    page = post(client, REGISTER, **{**REGISTRATION, field: wrong})
    assert (page.status_code, invalid_fields(page.text)) == (422, [field])
    assert STRONG not in answer.text + page.text
    assert wrong not in answer.text
    assert stored_rows(app) == before


def test_a_poor_new_password_or_name_leaves_the_link(app: Flask, client: FlaskClient) -> None:
    link = registered_link(app, client)
    bad = [("new_password", each) for each in poor_passwords(NAME, EMAIL)]
    for field, wrong in [*bad, ("username", "ada\uff20example.org")]:
        body = {"username": NAME, field: wrong}
        answer = send(client, link, {**body})
        assert (answer.status_code, STRONG in answer.text) == (400, False)
        page = post(client, f"{link}?choose=another", **body)
        assert (page.status_code, STRONG in page.text) == (422, False)
        assert field in invalid_fields(page.text)
    assert confirm(client, link, password=STRONG) == 200


# Faults and races.


@pytest.mark.asvs("2.3.4")
def test_of_eight_requests_with_one_link_one_makes_the_account(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(database_url=database_in(tmp_path))
    link, before = registered_link(app, app.test_client()), users(app)

    def make(number: int) -> int:
        body = {"new_password": f"{STRONG}, {number}", "username": f"grace {number}"}
        return confirm(app.test_client(), link, **body)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = [*threads.map(make, range(AT_ONCE))]
    assert (statuses.count(200), users(app)) == (1, before + 1)
    winner = statuses.index(200)
    assert can_log_in(app.test_client(), f"grace {winner}", f"{STRONG}, {winner}")


def test_the_form_says_what_is_wrong_in_the_owners_words(make_app: MakeApp) -> None:
    words = {"Must not contain @": "Ohne @", INVALID_ADDRESS: "Keine Adresse"}
    client = make_app(TEXTS=words).test_client()
    typed = {**REGISTRATION, "username": "a@b", "email": "nowhere"}
    page = client.post(REGISTER, data=typed, headers=OWN_PAGE)
    assert page.status_code == 422
    assert [each for each in words.values() if f"{each}." not in page.text] == []


def test_where_registration_is_closed_no_route_of_it_is_left(make_app: MakeApp) -> None:
    open_app = make_app()
    register(open_app.test_client())
    open_app.config["REGISTRATION"] = False
    # Nor is a mail that waited until then.
    assert delivered(open_app) == []
    client = make_app(REGISTRATION=False).test_client()
    for path in (REGISTER, CONFIRM, f"{CONFIRM}/x"):
        assert client.get(path).status_code == 404
        assert send(client, path, {}).status_code == 404
    assert CONFIRM not in client.get(routes.OPENAPI, headers=OWN_PAGE).text
    login = client.get(routes.LOGIN).text
    assert not any(f'href="{path}"' in login for path in (REGISTER, CONFIRM))
    assert f'href="{RESET}"' in client.get(f"{RESET}/x").text
    assert send(client, RESET, {"email": ADDRESS}).status_code == 200


def test_what_else_is_wrong_with_a_row_is_not_called_a_taken_name(
    app: Flask, client: FlaskClient
) -> None:
    """As where an owner requires a column that nothing fills: that is for the log."""
    link = registered_link(app, client)
    event.listen(User, "before_insert", refuse)
    try:
        with pytest.raises(IntegrityError):
            confirm(client, link, password=STRONG)
    finally:
        event.remove(User, "before_insert", refuse)


def refuse(*arguments: object) -> None:
    raise IntegrityError("INSERT", {}, ValueError("NOT NULL"))
