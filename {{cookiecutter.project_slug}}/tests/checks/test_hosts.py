"""Names, proxies and https that no visitor or every client could use."""

from typing import Any

import pytest

from app.setting_types import LOOPBACK_NAMES
from tests.checks.conftest import Find, MakeSite, found_in


@pytest.mark.parametrize(
    ("finding_id", "changes"),
    [
        ("proxies.none", {"PROXY_HOPS": 0}),
        ("proxies.several", {"PROXY_HOPS": 2}),
        ("hsts.short", {"STRICT_TRANSPORT_SECURITY": "max-age=86400"}),
        ("hsts.short", {"STRICT_TRANSPORT_SECURITY": "includeSubDomains"}),
        ("hsts.subdomains", {"STRICT_TRANSPORT_SECURITY": "max-age=63072000; includeSubDomains"}),
    ],
)
def test_it_is_told(find: Find, finding_id: str, changes: dict[str, Any]) -> None:
    assert len(find(finding_id, **changes)) == 1


@pytest.mark.parametrize(("days", "told"), [(365, 0), (364, 1)])
def test_a_year_of_https_is_long_enough(find: Find, days: int, told: int) -> None:
    max_age = days * 24 * 60 * 60
    assert len(find("hsts.short", STRICT_TRANSPORT_SECURITY=f"max-age={max_age}")) == told


def test_https_for_this_name_alone_concerns_no_other(find: Find) -> None:
    assert find("hsts.subdomains", STRICT_TRANSPORT_SECURITY="max-age=63072000") == []


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["localhost"], ["hosts.missing"]),
        (LOOPBACK_NAMES, ["hosts.missing"]),
        (["localhost", "www.safe.test"], []),
        (["www.safe.test", "www.example.org"], ["hosts.example"]),
        (["site.example"], ["hosts.example"]),
        (["example.safe.test", "my-example.com"], []),
    ],
)
def test_names_that_no_visitor_comes_by_are_told(
    make_site: MakeSite, names: list[str], told: list[str]
) -> None:
    app = make_site(trusted_hosts=names)
    assert [name for name in ("hosts.missing", "hosts.example") if found_in(app, name)] == told
