"""The checks from outside: silent at a good site, and without an address."""

from app.checks import registry
from tests.checks.conftest import MakeSite, found_in
from tests.checks.outside.conftest import Visit

OUTSIDE = [name for name in registry.CHECKS if name.startswith("outside.")]


def test_nothing_is_found_at_a_site_that_passes_the_app_on_unchanged(visit: Visit) -> None:
    found = visit(OUTSIDE)
    # OpenSSL on your computer may not speak what is broken.
    found.pop("outside.old-tls-unchecked", None)
    assert found == {}


def test_a_site_that_cannot_be_asked_is_one_finding(visit: Visit, closed_port: int) -> None:
    assert [*visit(OUTSIDE, port=closed_port)] == ["outside.unreachable"]


def test_nobody_is_asked_without_an_address(make_site: MakeSite) -> None:
    app = make_site()
    assert [name for name in OUTSIDE if found_in(app, name)] == []
