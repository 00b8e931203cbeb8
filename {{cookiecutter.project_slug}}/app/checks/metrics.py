"""Checks who can reach the metrics, which need no login. Source: OWASP ASVS 13.4.5."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from logging import INFO, WARNING

from flask import Flask

from app.checks.registry import check


@check(
    "metrics.public",
    WARNING,
    "METRICS_ADDRESS is a public address: everybody can read how many logins fail.",
    "Use 127.0.0.1, or an address that only Prometheus reaches.",
    deploy=True,
)
def public_metrics(app: Flask) -> bool:
    address = _address(app)
    return address is not None and address.is_global


@check(
    "metrics.every-interface",
    INFO,
    "METRICS_ADDRESS listens on every address of this computer.",
    "Let only Prometheus reach the port: do not publish it from a container, or use a firewall.",
    deploy=True,
)
def metrics_on_every_interface(app: Flask) -> bool:
    address = _address(app)
    return address is not None and address.is_unspecified


def _address(app: Flask) -> IPv4Address | IPv6Address | None:
    host = (app.config["METRICS_ADDRESS"] or "").rpartition(":")[0]
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None  # unset, or a name
