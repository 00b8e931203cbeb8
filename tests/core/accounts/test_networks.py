"""The networks that a user logged in from: how many are known, and what each login costs."""

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import login_places, wrong_codes
from secure_flask.accounts.login_places import MAX_PLACES, TRUSTED, LoginPlace
from secure_flask.accounts.wrong_codes import DAY, WrongCodes
from sqlalchemy import func, insert, select

from core.accounts.people import request_of, user_of
from core.accounts.site import User
from core.conftest import Wait
from core.statements import SIZES, counted_statements


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
