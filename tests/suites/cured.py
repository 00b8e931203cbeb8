"""`-p suites.cured`, beside `suites.wired`: writes what the page of differences says to write.

The settings name the hosts of the tests, each client says as a browser does that a page of the site
sends its requests, and each view says which bodies it takes.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.sansio.app import App
from flask.testing import FlaskClient
from secure_flask import consumes, consumes_form
from secure_flask.web.csrf import SITE

from suites import wired

TYPES = ("application/json", "application/x+json")
HOSTS = [
    *("localhost", "127.0.0.1", "example.test", "example.com", "www.example.com"),
    *("abc.example.test", "xyz.other.test", "a.other.test", "api.example.test"),
    *(
        "parent.example.test",
        "api.parent.example.test",
        "xxx.example.com",
        "domain.com",
        "dev.local",
        "foo.dev.local",
    ),
    *("foo.localhost", "localhost.localdomain", "www.localhost.localdomain"),
    *("test.localhost.localdomain", "mitsuhiko.localhost.localdomain", "xn--on-0ia.com"),
]


def pytest_configure() -> None:
    wired.SETTINGS["trusted_hosts"] = HOSTS
    create, add_rule = FlaskClient.__init__, App.add_url_rule

    def create_browser(client: FlaskClient, *arguments: Any, **options: Any) -> None:
        create(client, *arguments, **options)
        client.environ_base[f"HTTP_{SITE.upper().replace('-', '_')}"] = "same-origin"

    def add_consuming_rule(app: App, *arguments: Any, **options: Any) -> None:
        view: Any = options.get("view_func") or (arguments[2:3] or [None])[0]
        # The core marks its own views, and a class of views has its marks on each method.
        if getattr(view, "__module__", "secure_flask").startswith("test_"):
            consumes_form(consumes(*TYPES)(view))
        add_rule(app, *arguments, **options)

    FlaskClient.__init__ = create_browser  # type: ignore[method-assign, assignment]
    Flask.add_url_rule = add_consuming_rule  # type: ignore[method-assign, assignment]
