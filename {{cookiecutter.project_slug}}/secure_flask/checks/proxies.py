"""Checks that a proxy, which waits for slow clients, stands between these and gunicorn.

Source: OWASP ASVS 4.1.3, 12.2.1; OWASP Denial of Service Cheat Sheet.
"""

import os
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from flask import Flask
from secure_flask.checks.registry import check
from secure_flask.web.view_options import options_of

# Docker and Podman create one of these files in each container.
CONTAINER_FILES = (Path("/.dockerenv"), Path("/run/.containerenv"))


@check("proxies.none", "error", deploy=True)
def no_proxy(app: Flask) -> bool:
    """PROXY_HOPS is 0: without a proxy a few slow clients stop the service. Behind a proxy that
    the app does not know, all clients share one address and appear to use http.

    Put Caddy or nginx in front, as deploy/Caddyfile does, and set it to the number of proxies that
    each request passes. If it is too high, a client can forge its address.
    """
    return not app.config["PROXY_HOPS"]


@check("proxies.bypassed", "warning", deploy=True)
def reachable_server(app: Flask) -> Iterable[str]:
    """HOST is {}, so other machines reach gunicorn without the proxy: slow clients stop the
    service, and each client can forge its address.

    Unset HOST where the proxy runs on this machine. Accept this if a firewall lets only the proxy
    in.
    """
    # As gunicorn.conf.py reads it. In a container it is the ports published that matter.
    host = os.environ.get("HOST") or "127.0.0.1"
    files = any(file.exists() for file in CONTAINER_FILES)
    in_container = files or "KUBERNETES_SERVICE_HOST" in os.environ
    return [] if in_container or _is_loopback(host) else [host]


@check("proxies.small-bodies", "warning", deploy=True)
def small_bodies(app: Flask) -> Iterable[str]:
    """The proxy refuses bodies above {} bytes (MAX_REQUEST_BODY): a view accepts larger ones.

    Raise MAX_REQUEST_BODY, and client_max_body_size in nginx. Or lower max_size at the view.
    """
    proxied = app.config["MAX_REQUEST_BODY"]
    rules = app.url_map.iter_rules()
    views = [(app.view_functions.get(rule.endpoint), rule.methods or ()) for rule in rules]
    sizes = [
        options_of(view, method).max_size or 0 for view, methods in views for method in methods
    ]
    return [str(proxied)] if max([app.config["MAX_BODY"], *sizes]) > proxied else []


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
