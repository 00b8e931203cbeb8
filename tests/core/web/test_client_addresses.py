"""Which addresses are one client: nobody gets a new limit by changing the address."""

import pytest
from flask import Flask
from secure_flask.web.client_addresses import SITE, client_address

ONE_CLIENT = {
    "a /64 of IPv6": ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
    "IPv4 in IPv6": ("192.0.2.1", "::ffff:192.0.2.1"),
    "scopes": ("fe80::1%eth0", "fe80::1%eth1"),
    "a port": ("192.0.2.1:5678", "192.0.2.1"),
    "brackets and a port": ("[2001:db8::1]:5678", "2001:db8::1"),
    "unreadable": ("192.0.2.1:x", "unknown"),
    "nothing and no ASCII": ("", "\u00e9"),
}
TWO_CLIENTS = {
    "two /64 of IPv6": ("2001:db8:0:1::1", "2001:db8:0:2::1"),
    "two IPv4 in IPv6": ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
    "two with a port": ("192.0.2.1:5678", "192.0.2.2:5678"),
    "two in brackets": ("[2001:db8:0:1::1]", "[2001:db8:0:2::1]"),
}
ONE_SITE = {
    "a /48 of IPv6": ("2001:db8:0:1::1", "2001:db8:0:ffff::1"),
    "the same IPv4": ("192.0.2.1", "192.0.2.1"),
}
TWO_SITES = {
    "two /48 of IPv6": ("2001:db8:0::1", "2001:db8:1::1"),
    "two of IPv4": ("192.0.2.1", "192.0.2.2"),
}


def seen_as(app: Flask, address: str, prefix: int) -> str:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        return client_address(prefix)


@pytest.mark.parametrize(
    ("prefix", "one", "two"), [(64, ONE_CLIENT, TWO_CLIENTS), (SITE, ONE_SITE, TWO_SITES)]
)
def test_which_addresses_are_one_client(
    app: Flask,
    subtests: pytest.Subtests,
    prefix: int,
    one: dict[str, tuple[str, str]],
    two: dict[str, tuple[str, str]],
) -> None:
    for case, (first, second) in (one | two).items():
        with subtests.test(case):
            same = seen_as(app, first, prefix) == seen_as(app, second, prefix)
            assert same is (case in one)
