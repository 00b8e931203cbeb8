"""Endpoints that everybody may call although their views have no mark."""

from typing import Any

import pytest
from flask import Blueprint, Flask
from secure_flask.auth.access import login_required
from secure_flask.web.origins import PolicyError

from core.conftest import MakeApp, log_in

# Endpoints, and the status of a stranger's GET.
STATUSES = {
    "listed": 200,
    "listed_but_closed": 401,
    "extension.listed": 200,
    "extension.other": 401,
    "other": 401,
}
LISTED = ("listed", "listed_but_closed", "extension.listed")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(PUBLIC_ENDPOINTS=dict.fromkeys(LISTED, "For this test."))


def view() -> Any:
    """A view as an extension has it: without a mark of this app's."""
    return lambda: "in"


def test_a_view_without_a_mark_is_open_where_its_endpoint_is_listed(
    app: Flask, subtests: pytest.Subtests
) -> None:
    extension = Blueprint("extension", __name__)
    for name in ("listed", "other"):
        app.add_url_rule(f"/_test/{name}", name, view())
        extension.add_url_rule(f"/_test/extension.{name}", name, view())
    closed = login_required(view())
    app.add_url_rule("/_test/listed_but_closed", "listed_but_closed", closed)
    app.register_blueprint(extension)
    stranger, user = app.test_client(), app.test_client()
    credentials = log_in(user)
    for endpoint, status in STATUSES.items():
        with subtests.test(endpoint):
            assert stranger.get(f"/_test/{endpoint}").status_code == status
            assert user.get(f"/_test/{endpoint}", headers=credentials).text == "in"


def test_a_list_of_public_endpoints_names_each_with_its_reason(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    poor: list[Any] = [["a.b"], {"a.b"}, "a.b", None, {"a.b": ""}, {"a.b": " "}, {"a.b": None}]
    for listed in [*poor, {"a.b": 1}]:
        with subtests.test(str(listed)), pytest.raises(PolicyError, match="PUBLIC_ENDPOINTS"):
            make_app(fill=False, PUBLIC_ENDPOINTS=listed)
