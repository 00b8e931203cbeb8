"""Names, proxies and https that no visitor or every client could use."""

from secure_flask.settings.types import LOOPBACK_NAMES

from core.checks.conftest import Find, MakeSite, found_in

YEAR = 365 * 24 * 60 * 60  # seconds


def test_proxies_that_are_not_one_are_reported(find: Find) -> None:
    assert find("proxies.none") == find("proxies.several") == []
    assert len(find("proxies.none", PROXY_HOPS=0)) == 1
    assert len(find("proxies.several", PROXY_HOPS=2)) == 1


def test_https_that_is_remembered_briefly_or_for_subdomains_is_reported(find: Find) -> None:
    names = ("hsts.short", "hsts.subdomains")
    for hsts, found in (
        (f"max-age={YEAR}", []),
        (f"max-age={YEAR - 1}", ["hsts.short"]),
        ("includeSubDomains", ["hsts.short", "hsts.subdomains"]),
        (f"max-age={YEAR}; includeSubDomains", ["hsts.subdomains"]),
    ):
        assert [name for name in names if find(name, STRICT_TRANSPORT_SECURITY=hsts)] == found


def test_names_that_no_visitor_comes_by_are_reported(make_site: MakeSite) -> None:
    names = ("hosts.missing", "hosts.example")
    for hosts, found in (
        (["localhost"], ["hosts.missing"]),
        (LOOPBACK_NAMES, ["hosts.missing"]),
        (["localhost", "www.safe.test"], []),
        (["www.safe.test", "www.example.org"], ["hosts.example"]),
        (["site.example"], ["hosts.example"]),
        (["example.safe.test", "my-example.com"], []),
    ):
        app = make_site(trusted_hosts=hosts)
        assert [name for name in names if found_in(app, name)] == found
