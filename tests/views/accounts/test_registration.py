"""`/register` and `/confirm`: the pages and the JSON of a registration."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app.models import User
from core import routes
from core.accounts.observing import stored_rows
from tests.page_elements import Elements
from views.accounts.people import (
    ADDRESS,
    CONFIRM,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    can_log_in,
    mailed_link,
    register,
    registered_link,
    send,
)
from views.conftest import (
    OWN_PAGE,
    MakeApp,
    add_user,
    assert_leads_to,
    every_token_type,
    invalid_fields,
    is_logged_in,
    log_in_by_form,
    post,
)

NAME, EMAIL = REGISTRATION["username"], REGISTRATION["email"]
CHECK = "Check your e-mail"
THIEF = "forty thieves in a row of jars of oil, and a word that opens the door"


def shown_fields(page: str) -> list[str]:
    """The names of the fields that a person sees in the form of a page, in their order."""
    fields = Elements(page).of("input")
    return [each["name"] for each in fields if each.get("name") and each.get("type") != "hidden"]


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
    names = [NAME, NAME.upper(), EMAIL, EMAIL.title()]
    assert [name for name in names if not can_log_in(client, name)] == []


def test_people_register_and_are_logged_in_once_the_address_is_confirmed_on_a_page(
    app: Flask, client: FlaskClient
) -> None:
    """Each page asks for the password once."""
    assert shown_fields(client.get(REGISTER).text) == ["username", "email", "password"]
    sent = post(client, REGISTER, **{**REGISTRATION, "email": f" {EMAIL} "})
    assert (sent.status_code, "Set-Cookie" in sent.headers) == (200, False)
    link = mailed_link(app)
    page = client.get(link).text
    assert (EMAIL in page, shown_fields(page)) == (True, ["password"])
    answers = [post(client, link, password=wrong) for wrong in ("", THIEF)]
    refused = [(each.status_code, invalid_fields(each.text)) for each in answers]
    assert refused == [(422, ["password"])] * 2
    # Whoever was logged in is so no more.
    log_in_by_form(client)
    assert_leads_to(post(client, link, password=STRONG), "/")
    assert client.get(routes.ME).get_json()["username"] == NAME
    assert "Your account is ready" in client.get("/").text


def test_who_forgot_the_password_or_never_had_one_chooses_another(
    app: Flask,
    client: FlaskClient,
    subtests: pytest.Subtests,
) -> None:
    link = registered_link(app, client)
    ways = Elements(client.get(link).text).of("a")
    [choose] = [each["href"] for each in ways if link in each["href"]]
    page = client.get(choose).text
    assert (EMAIL in page, f'value="{NAME}"' in page) == (True, True)
    assert shown_fields(page) == ["username", "new_password"]
    for poor in ("", "passwordpassword"):
        with subtests.test(poor=poor):
            refused = post(client, choose, username=NAME, new_password=poor)
            assert (refused.status_code, invalid_fields(refused.text)) == (422, ["new_password"])
    assert_leads_to(post(client, choose, username="rear admiral", new_password=THIEF), "/")
    assert client.get(routes.ME).get_json()["username"] == "rear admiral"
    assert can_log_in(client, EMAIL, THIEF)


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


@pytest.mark.parametrize("path", [REGISTER, CONFIRM, RESET])
def test_the_next_page_shows_the_address_and_leads_to_another_mail(
    client: FlaskClient, path: str
) -> None:
    login = client.get(routes.LOGIN).text
    assert (f'href="{REGISTER}"' in login, f'href="{CONFIRM}"' in login) == (True, True)
    assert f'href="{REGISTER}"' in client.get("/").text
    page = post(client, path, **REGISTRATION).text
    assert (f"<h1>{CHECK}</h1>" in page, EMAIL in page) == (True, True)
    # In development also to the mail itself.
    ways = [RESET if path == RESET else CONFIRM, "/dev/mailbox"]
    assert [way for way in ways if f'href="{way}"' not in page] == []


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


@pytest.mark.parametrize(
    ("field", "wrong"), [("password", "passwordpassword"), ("username", ADDRESS)]
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


def test_where_registration_is_closed_no_route_of_it_is_left(make_app: MakeApp) -> None:
    client = make_app(REGISTRATION=False).test_client()
    paths = [REGISTER, CONFIRM, f"{CONFIRM}/x"]
    opened = {path: client.get(path).status_code for path in paths}
    posted = {path: send(client, path, {}).status_code for path in paths}
    assert opened == dict.fromkeys(paths, 404)
    assert posted == dict.fromkeys(paths, 404)
    assert CONFIRM not in client.get(routes.OPENAPI, headers=OWN_PAGE).text
    login = client.get(routes.LOGIN).text
    assert not any(f'href="{path}"' in login for path in (REGISTER, CONFIRM))
    assert f'href="{RESET}"' in client.get(f"{RESET}/x").text
    assert send(client, RESET, {"email": ADDRESS}).status_code == 200
