"""Checks that connections to a database and a Redis elsewhere have TLS with a verified certificate.

Source: OWASP ASVS 12.3.1, 12.3.2.
"""

import os
from ipaddress import ip_address
from logging import WARNING
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from sqlalchemy import make_url

from app.checks.registry import check


@check(
    "database.unverified-tls",
    WARNING,
    "Nothing proves that the database on another host is the right one, or encrypts what it is sent.",
    "Add ?sslmode=verify-full&sslrootcert=/path/ca.pem to DATABASE_URL. Accept this if the network"
    " between them is yours alone.",
    deploy=True,
)
def unverified_database(app: Flask) -> bool:
    if app.config["DATABASE_URL"].startswith("sqlite"):
        return False
    url = make_url(app.config["DATABASE_URL"])
    _, options = url.get_dialect()().create_connect_args(url)
    mode = options.get("sslmode") or os.environ.get("PGSSLMODE")
    hosts = str(options.get("host", "")).split(",")
    return mode not in ("verify-ca", "verify-full") and any(map(_is_elsewhere, hosts))


@check(
    "redis.unverified-tls",
    WARNING,
    "Nothing proves that the Redis on another host is the right one, or encrypts what it is sent.",
    "Write rediss:// in REDIS_URL, with ?ssl_ca_certs=/path/ca.pem if the certificate is signed by"
    " an authority of your own. Accept this if the network between them is yours alone.",
    deploy=True,
)
def unverified_redis(app: Flask) -> bool:
    url = urlsplit(app.config["REDIS_URL"] or "")
    encrypted = url.scheme.startswith(("rediss", "valkeys"))
    verified = encrypted and parse_qs(url.query).get("ssl_cert_reqs") != ["none"]
    addresses = url.netloc.rpartition("@")[2].split(",")
    hosts = [urlsplit(f"//{address}").hostname or "" for address in addresses]
    return not verified and any(map(_is_elsewhere, hosts))


def _is_elsewhere(host: str) -> bool:
    """Whether this is the name or address of another machine.

    A name without a dot counts as a container of the same network, as in compose.yaml, and a
    path as a socket of this machine.
    """
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return "." in host and not host.startswith("/")
