"""Checks that connections to a database and a Redis elsewhere have TLS with a verified certificate.

Source: OWASP ASVS 12.3.1, 12.3.2.
"""

import os
from ipaddress import ip_address
from logging import WARNING
from urllib.parse import urlsplit

from flask import Flask
from secure_flask.checks.registry import check
from secure_flask.web import redis_storage
from sqlalchemy import make_url

# What decides on TLS. libpq reads each from the URL, or else from the environment, as in PGHOST.
LIBPQ = ("host", "hostaddr", "service", "sslmode")


@check(
    "database.unverified-tls",
    WARNING,
    "An attacker on the way to the database, which is on another host, can read and change the data.",
    "Add ?sslmode=verify-full&sslrootcert=/path/ca.pem to DATABASE_URL. Accept this if the network"
    " between them is yours alone.",
    deploy=True,
)
def unverified_database(app: Flask) -> bool:
    if app.config["DATABASE_URL"].startswith("sqlite"):
        return False
    url = make_url(app.config["DATABASE_URL"])
    _, options = url.get_dialect()().create_connect_args(url)
    given = {name: options.get(name) or os.environ.get(f"PG{name.upper()}", "") for name in LIBPQ}
    hosts = f"{given['host']},{given['hostaddr']}".split(",")
    elsewhere = bool(given["service"]) or any(map(_is_elsewhere, hosts))
    return given["sslmode"] != "verify-full" and elsewhere


@check(
    "redis.unverified-tls",
    WARNING,
    "An attacker on the way to Redis, which is on another host, can read and change the counts.",
    "Write rediss:// in REDIS_URL, or ?ssl=true for a Sentinel or a Cluster. Add"
    " ssl_ca_certs=/path/ca.pem if the certificate is signed by an authority of your own. Accept"
    " this if the network between them is yours alone.",
    deploy=True,
)
def unverified_redis(app: Flask) -> bool:
    if not app.config["REDIS_URL"]:
        return False
    url = urlsplit(app.config["REDIS_URL"])
    options = redis_storage.options(app.config["REDIS_URL"])
    certificate = options.get("ssl_cert_reqs", "required") in ("required", "optional")
    verified = options["ssl"] and certificate and options.get("ssl_check_hostname", True)
    # A Sentinel and a Cluster name further servers, which may be anywhere.
    several = url.scheme in (redis_storage.SENTINEL, redis_storage.CLUSTER)
    return not verified and (several or _is_elsewhere(url.hostname or ""))


def _is_elsewhere(host: str) -> bool:
    """Whether this is the name or address of another machine.

    A name without a dot counts as a container of the same network, as in compose.yaml, and a
    path as a socket of this machine.
    """
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return "." in host and not host.startswith("/")
