"""The address of a client as a key for limits, the same for all addresses of one IPv6 customer."""

import re
from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import request

SITE = 48  # bits: providers give one IPv6 customer up to a /48, which is 65,536 networks

# Some proxies add the client's port, which differs for each connection.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?", re.ASCII)


def client_address(prefix: int = 64) -> str:
    """The key that identifies a client: its IPv4 address, or the first bits of its IPv6 address.

    One IPv6 customer has at least 2**64 addresses, so they count as one client. All invalid
    addresses count as one client too. Source: RFC 6177.
    """
    text = request.remote_addr or ""
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address, prefix), strict=False)[0])
    return str(address)
