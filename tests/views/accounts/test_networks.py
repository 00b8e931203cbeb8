"""The networks that a user logged in from: how many are known, and what each login costs."""

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import networks, wrong_codes
from secure_flask.accounts.networks import MAX_NETWORKS, TrustedNetwork
from secure_flask.accounts.wrong_codes import DAY, WrongCodes
from sqlalchemy import func, select

from core.accounts.observing import statements
from views.conftest import Wait, add_user, stored_user


def visit(app: Flask, *addresses: str) -> None:
    """Show both factors in these networks, one after the other."""
    for address in addresses:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}), stored_user(app) as u:
            networks.trust_network(u)


def trusts(app: Flask, address: str) -> bool:
    environment = {"REMOTE_ADDR": address}
    with app.test_request_context(environ_base=environment), stored_user(app) as user:
        return networks.is_network_trusted(user)


def test_of_many_networks_the_ones_that_were_used_last_stay(app: Flask, wait: Wait) -> None:
    first, second, *others = [f"192.0.2.{number}" for number in range(MAX_NETWORKS + 1)]
    for address in (first, second, *others[:-2], first, *others[-2:]):
        wait(1)
        visit(app, address)
    assert not trusts(app, second)
    assert all(trusts(app, address) for address in (first, *others))
    with stored_user(app) as user:
        assert networks.count_trusted_networks(user) == MAX_NETWORKS


def test_a_network_of_another_user_stays(app: Flask) -> None:
    add_user(app, "grace")
    with app.test_request_context(), stored_user(app, "grace") as user:
        networks.trust_network(user)
    visit(app, *(f"192.0.2.{number}" for number in range(MAX_NETWORKS + 1)))
    with app.test_request_context(), stored_user(app, "grace") as user:
        assert networks.is_network_trusted(user)


@pytest.mark.parametrize("rows", [100, 10_000])
def test_a_login_in_a_further_network_takes_two_statements(app: Flask, rows: int) -> None:
    with stored_user(app) as user:
        db.session.add_all(
            TrustedNetwork(user_id=user.id, network_hash=b"%032d" % number, last_login=2**31)
            for number in range(rows)
        )
    with statements(app) as sent:
        visit(app, "192.0.2.1")
    assert [each.split()[0] for each in sent if "trusted_networks" in each] == ["DELETE", "INSERT"]
    with stored_user(app) as user:
        assert networks.count_trusted_networks(user) == MAX_NETWORKS


def test_counts_of_wrong_codes_go_after_a_day(app: Flask, wait: Wait) -> None:
    with stored_user(app) as user:
        for place in (b"a", b"b"):
            wrong_codes._count_wrong_code(user, place)
        wait(DAY)
        wrong_codes._count_wrong_code(user, b"c")
        assert db.session.scalar(select(func.count()).select_from(WrongCodes)) == 1
