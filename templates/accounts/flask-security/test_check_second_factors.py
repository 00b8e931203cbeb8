"""Roles that a password alone is enough for."""

from app.auth.access import roles_required
from tests.checks.conftest import MakeSite, found_in
from tests.checks.test_access import with_view

WITHOUT = "accounts.role-without-second-factor"


def test_a_role_that_a_password_is_enough_for_is_named(make_site: MakeSite) -> None:
    site = make_site(SECOND_FACTOR_ROLES=["probe-editor"])
    [message] = found_in(with_view(site, roles_required("probe-boss", "probe-editor")), WITHOUT)
    assert "probe-boss" in message


def test_no_role_or_one_with_a_second_factor_is_in_order(make_site: MakeSite) -> None:
    assert found_in(make_site(SECOND_FACTOR_ROLES=[]), WITHOUT) == []
    site = make_site(SECOND_FACTOR_ROLES=["probe-boss"])
    assert found_in(with_view(site, roles_required("probe-boss")), WITHOUT) == []
