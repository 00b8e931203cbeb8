"""Places and networks where users logged in: what the table says of them, and for how long."""

import os

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import login_places, wrong_codes
from secure_flask.accounts.login_places import MAX_PLACES, TRUSTED, LoginPlace
from secure_flask.accounts.wrong_codes import DAY, WrongCodes
from sqlalchemy import func, insert, select, text

from core.accounts.people import OTHER, add_user, request_of, user_of
from core.accounts.site import User
from core.conftest import USERNAME, Wait
from core.statements import SIZES, counted_statements

HOME, OFFICE = "192.0.2.1", "198.51.100.1"
LIFETIME = 60  # seconds


@pytest.fixture(autouse=True)
def _two_users(app_context: None) -> None:
    add_user()


def remember(place: str, purpose: str = "trust", name: str = USERNAME) -> None:
    login_places.remember_place(user_of(name), purpose, place, LIFETIME)
    db.session.commit()


def is_known(place: str, purpose: str = "trust", name: str = USERNAME) -> bool:
    return login_places.is_known_place(user_of(name), purpose, place)


def rows() -> int:
    return db.session.scalar(select(func.count()).select_from(LoginPlace)) or 0


def known() -> list[bool]:
    """Whether the place is, another one, and the place for another purpose and another user."""
    others = [is_known(HOME, "mail"), is_known(HOME, name=OTHER)]
    return [is_known(HOME), is_known(OFFICE), *others]


def test_a_place_is_known_and_forgotten_for_its_user_and_purpose_alone() -> None:
    remember(HOME)
    assert known() == [True, False, False, False]
    for purpose, name in (("mail", USERNAME), ("trust", OTHER), ("mail", OTHER)):
        remember(HOME, purpose, name)
    # The table does not tell who shares a place.
    assert len(set(db.session.scalars(select(LoginPlace.place_hash)))) == 4
    login_places.forget_places(user_of(), "trust")
    assert known() == [False, False, True, True]
    for number in range(MAX_PLACES + 2):
        remember(str(number))
    assert (rows(), known()[2:]) == (MAX_PLACES + 3, [True, True])


def test_the_table_cannot_be_tried_out_without_the_secret_key(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(HOME)
    monkeypatch.setitem(app.config, "SECRET_KEY", "x" * 64)
    assert not is_known(HOME)


def test_a_place_that_is_used_again_is_known_for_longer(wait: Wait) -> None:
    remember(HOME)
    wait(LIFETIME - 1)
    remember(HOME)
    wait(LIFETIME - 1)
    assert (is_known(HOME), rows()) == (True, 1)
    wait(1)
    assert not is_known(HOME)


def test_a_purge_deletes_what_has_expired_alone(wait: Wait) -> None:
    remember(HOME)
    wait(LIFETIME - 1)
    remember(OFFICE, name=OTHER)
    login_places.purge_places()
    assert rows() == 2
    wait(1)
    login_places.purge_places()
    assert (rows(), is_known(OFFICE, name=OTHER)) == (1, True)


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="needs TEST_DATABASE_URL")
def test_a_purge_waits_for_no_login(wait: Wait) -> None:
    """Two that delete the same rows could each wait for the other."""
    remember(HOME)
    wait(LIFETIME)
    with db.engine.begin() as login:
        login.execute(select(LoginPlace.place_hash).with_for_update())
        db.session.execute(text("SET LOCAL lock_timeout = 50"))
        login_places.purge_places()
        assert rows() == 1
    login_places.purge_places()
    assert rows() == 0


def visit(app: Flask, *addresses: str) -> None:
    """Show both factors in these networks, one after the other."""
    for address in addresses:
        with request_of(app, network=address):
            login_places.trust_network(user_of())
            db.session.commit()


def trusts(app: Flask, address: str) -> bool:
    with request_of(app, network=address):
        return login_places.is_network_trusted(user_of())


def trusted(app: Flask) -> int:
    with app.app_context():
        return login_places.count_trusted_networks(user_of())


def test_of_many_networks_the_ones_that_were_used_last_stay(app: Flask, wait: Wait) -> None:
    first, second, *others = [f"192.0.2.{number}" for number in range(MAX_PLACES + 1)]
    for address in (first, second, *others[:-2], first, *others[-2:]):
        wait(1)
        visit(app, address)
    assert not trusts(app, second)
    assert all(trusts(app, address) for address in (first, *others))
    assert trusted(app) == MAX_PLACES


def test_a_network_of_ipv6_is_one_and_each_address_behind_a_translator_of_ipv4(app: Flask) -> None:
    visit(app, "2001:db8:0:1::1")
    assert [trusts(app, f"2001:db8:0:{number}::2") for number in (1, 2)] == [True, False]
    visit(app, "64:ff9b::192.0.2.1")
    neighbours = ("64:ff9b::192.0.2.1", "192.0.2.1", "64:ff9b::192.0.2.2")
    assert [trusts(app, each) for each in neighbours] == [True, True, False]


@pytest.mark.parametrize("rows", SIZES)
def test_a_login_in_a_further_network_takes_two_statements(app: Flask, rows: int) -> None:
    with app.app_context():
        row = {"user_id": user_of().id, "purpose": TRUSTED, "expires": 2**31}
        hashes = [{**row, "place_hash": b"%032d" % number} for number in range(rows)]
        db.session.execute(insert(LoginPlace), hashes)
        db.session.commit()
        with counted_statements(db.engine) as sent:
            visit(app, "192.0.2.1")
    of_networks = [each for each in sent.statements if "login_places" in each]
    assert [each.split()[0] for each in of_networks] == ["DELETE", "INSERT"]
    assert trusted(app) == MAX_PLACES


def test_counts_of_wrong_codes_go_after_a_day(user: User, wait: Wait) -> None:
    for place in (b"a", b"b"):
        wrong_codes._count_wrong_code(user, place)
    wait(DAY)
    wrong_codes._count_wrong_code(user, b"c")
    assert db.session.scalar(select(func.count()).select_from(WrongCodes)) == 1
