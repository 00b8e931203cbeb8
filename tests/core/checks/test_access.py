"""Public writes that nothing limits, names that open nothing, and forms that never arrive."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from secure_flask.auth import access, route_table
from secure_flask.auth.access import login_required, public
from secure_flask.web.forms import consumes_form
from secure_flask.web.rate_limits import limited

from core.checks.conftest import MakeSite, found_in

WRITE, NAME, REFERRER = "access.unlimited-write", "access.unknown-endpoint", "forms.no-referrer"
NO_REFERRER = {"Referrer-Policy": "no-referrer"}

MarkView = Callable[[Any], Any]


def with_view(site: Flask, *marks: MarkView, methods: tuple[str, ...] = ("POST",)) -> Flask:
    """The site with a view at `/probe` that has these marks."""

    def view() -> str:
        return ""

    for mark in marks:
        view = mark(view)
    site.add_url_rule("/probe", "probe", view, methods=methods)
    return site


def probes(site: Flask, finding_id: str) -> list[str]:
    """The findings about `/probe`; other routes may have some too."""
    return [message for message in found_in(site, finding_id) if "/probe" in message]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_public_write_without_a_limit_is_named(make_site: MakeSite, method: str) -> None:
    site = with_view(make_site(rate_limit=None), public, methods=("GET", method))
    [message] = probes(site, WRITE)
    assert message.startswith(f"{method} /probe is public")


def test_a_write_that_the_policy_opens_is_named_too(make_site: MakeSite) -> None:
    site = make_site(rate_limit=None, PUBLIC_ENDPOINTS={"probe": "A test opens it."})
    assert len(probes(with_view(site), WRITE)) == 1


@pytest.mark.parametrize(
    "marks",
    [(public, limited("1 per minute")), (public, access.credentials), (login_required,), ()],
    ids=["limited", "credentials", "login", "no mark"],
)
def test_any_other_write_is_in_order(make_site: MakeSite, marks: tuple[MarkView, ...]) -> None:
    assert probes(with_view(make_site(rate_limit=None), *marks), WRITE) == []


def test_a_limit_to_all_requests_is_one(make_site: MakeSite) -> None:
    assert probes(with_view(make_site(rate_limit="60 per minute"), public), WRITE) == []


def test_an_open_endpoint_that_no_route_has_is_named(make_site: MakeSite) -> None:
    named = {"probe": "A test opens it.", "prob": "A slip."}
    [message] = found_in(with_view(make_site(PUBLIC_ENDPOINTS=named)), NAME)
    assert message.startswith("PUBLIC_ENDPOINTS opens prob, ")


@pytest.mark.parametrize("methods", [("GET", "POST"), ("POST",)])
@pytest.mark.parametrize(
    "headers",
    [
        {"PAGE_HEADERS": NO_REFERRER},
        {"PAGE_HEADERS": {"referrer-policy": "same-origin, No-Referrer"}},
        {"PAGE_HEADERS": {}, "HEADERS": NO_REFERRER},
    ],
    ids=["page", "list", "every response"],
)
def test_forms_that_browsers_send_without_an_origin_are_reported(
    make_site: MakeSite, headers: dict[str, Any], methods: tuple[str, ...]
) -> None:
    site = with_view(make_site(**headers), consumes_form, methods=methods)
    [message] = found_in(site, REFERRER)
    assert "/probe" in message


def test_pages_without_forms_may_hide_the_referrer(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = with_view(make_site(PAGE_HEADERS=NO_REFERRER))
    assert probes(site, REFERRER) == []
    monkeypatch.setattr(route_table, "rows", lambda app: [])
    assert found_in(site, REFERRER) == []


def test_forms_whose_pages_name_another_policy_last_are_in_order(make_site: MakeSite) -> None:
    policies = {"HEADERS": NO_REFERRER, "PAGE_HEADERS": {"Referrer-Policy": "same-origin"}}
    assert found_in(with_view(make_site(**policies), consumes_form), REFERRER) == []
