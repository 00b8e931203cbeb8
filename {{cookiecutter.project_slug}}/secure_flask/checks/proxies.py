"""Checks that a proxy stands between clients and gunicorn, with settings that fit the app.

gunicorn has a fixed number of threads, and each waits for one client. Without a proxy that reads
requests and answers for it, sixteen slow clients stop the service.
Source: OWASP ASVS 4.1.3, 12.2.1; OWASP Denial of Service Cheat Sheet.
"""

import os
from collections.abc import Iterable
from ipaddress import ip_address
from logging import ERROR, INFO, WARNING
from pathlib import Path

from flask import Flask
from secure_flask.checks.registry import check
from secure_flask.web.view_options import options_of

# Docker and Podman create one of these files in each container.
CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


@check(
    "proxies.none",
    ERROR,
    "PROXY_HOPS is 0: without a proxy a few slow clients stop the service. Behind a proxy that the "
    "app does not know, all clients share one address and appear to use http.",
    "Put Caddy or nginx in front, as deploy/Caddyfile does, and set it to the number of proxies.",
    deploy=True,
)
def no_proxy(app: Flask) -> bool:
    return not app.config["PROXY_HOPS"]


@check(
    "proxies.several",
    INFO,
    "PROXY_HOPS is above 1: if the number is too high, a client can forge its address.",
    "Count only proxies that every request passes and that append to X-Forwarded-For.",
    deploy=True,
)
def several_proxies(app: Flask) -> bool:
    return bool(app.config["PROXY_HOPS"] > 1)


@check(
    "proxies.bypassed",
    WARNING,
    "HOST is {}, so other machines reach gunicorn without the proxy: slow clients stop the service, "
    "and each client can forge its address.",
    "Unset HOST where the proxy runs on this machine. Accept this if a firewall lets only the proxy in.",
    deploy=True,
)
def reachable_server(app: Flask) -> Iterable[str]:
    return [] if _in_container() else _open_host()


@check(
    "proxies.container",
    INFO,
    "gunicorn listens on {}, the addresses of this container: the app cannot see who reaches them.",
    "Publish only the ports of the proxy, as compose.yaml does.",
    deploy=True,
)
def reachable_container(app: Flask) -> Iterable[str]:
    return _open_host() if _in_container() else []


@check(
    "proxies.small-bodies",
    WARNING,
    "The proxy refuses bodies above {}: a view accepts larger ones (max_size).",
    "Raise MAX_REQUEST_BODY, and client_max_body_size in nginx. Or lower max_size at the view.",
    deploy=True,
)
def small_bodies(app: Flask) -> Iterable[str]:
    proxied: int = app.config["MAX_REQUEST_BODY"]
    accepted = [app.config["MAX_BODY"], *_max_sizes(app)]
    return [f"{proxied} bytes (MAX_REQUEST_BODY)"] if max(accepted) > proxied else []


def _max_sizes(app: Flask) -> list[int]:
    views = [(app.view_functions.get(rule.endpoint), rule) for rule in app.url_map.iter_rules()]
    options = [options_of(view, method) for view, rule in views for method in rule.methods or ()]
    return [option.max_size for option in options if option.max_size]


def _open_host() -> list[str]:
    """HOST, where gunicorn.conf.py would listen on more than loopback."""
    host = os.environ.get("HOST") or "127.0.0.1"
    return [] if host == "localhost" or _is_loopback(host) else [host]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _in_container() -> bool:
    files = any(file.exists() for file in CONTAINER_FILES)
    return files or "KUBERNETES_SERVICE_HOST" in os.environ
