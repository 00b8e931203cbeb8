"""Where the links in mails lead."""

from flask import Flask

from app.accounts import public_urls
from tests import routes
from tests.conftest import MakeApp

SITE = "https://www.example.org"


def test_a_link_never_comes_from_the_host_of_a_request(make_app: MakeApp) -> None:
    hosts = ["www.example.org", "other.example.org"]
    app = make_app(app_env="production", trusted_hosts=hosts, public_url=SITE)
    with app.test_request_context("/", base_url="https://other.example.org"):
        assert public_urls.link("login.login") == SITE + routes.LOGIN
    with app.app_context():
        assert public_urls.link("login.login", next="/a b") == f"{SITE}{routes.LOGIN}?next=/a+b"


def test_development_takes_the_address_of_the_request_unless_it_is_set(
    app: Flask, make_app: MakeApp
) -> None:
    with app.test_request_context("/", base_url="http://127.0.0.1:5000/mounted"):
        assert public_urls.origin() == "http://127.0.0.1:5000"
        assert public_urls.link("login.login") == f"http://127.0.0.1:5000/mounted{routes.LOGIN}"
    with make_app(public_url="http://localhost:9000").test_request_context("/"):
        assert public_urls.origin() == "http://localhost:9000"


def test_a_command_in_development_links_to_where_the_app_is_served(app: Flask) -> None:
    with app.app_context():
        assert public_urls.origin() == "http://localhost:8000"
