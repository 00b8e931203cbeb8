"""How often a client may call a view, or all of them."""

from typing import Any, ClassVar

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask.views import MethodView
from secure_flask.auth.access import public
from secure_flask.web.hosts import probe
from secure_flask.web.rate_limits import WIDE, limited
from werkzeug.test import TestResponse

from core.conftest import MakeApp, Wait

LIMITED, PLAIN, PROBE = "/_test/limited", "/_test/plain", "/_test/probe"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app()


def with_limited_view(app: Flask, limit: str = "2 per minute") -> FlaskClient:
    app.add_url_rule(LIMITED, view_func=public(limited(limit)(lambda: "served")))
    return app.test_client()


def retry_after(answer: TestResponse) -> int:
    """When the client may come back, in seconds."""
    assert answer.status_code == 429
    return int(answer.headers["Retry-After"])


@pytest.mark.parametrize(("period", "seconds"), [("second", 1), ("minute", 60), ("hour", 3600)])
def test_retry_after_says_when_a_client_is_served_again(
    make_app: MakeApp, wait: Wait, period: str, seconds: int
) -> None:
    client = with_limited_view(make_app(), f"1 per {period}")
    client.get(LIMITED)
    wait(0.6)
    left = retry_after(client.get(LIMITED))
    assert left == seconds
    wait(left)
    assert client.get(LIMITED).status_code == 200


@pytest.mark.asvs("2.4.1")
def test_a_limit_to_all_requests_counts_every_route_but_probes(make_app: MakeApp) -> None:
    app = make_app(rate_limit="2 per minute")
    app.add_url_rule(PLAIN, "plain", public(lambda: ""))
    app.add_url_rule(PROBE, "probe", public(probe(lambda: "")))
    client = app.test_client()
    answers = [client.get(path) for path in (PROBE, PLAIN, "/_test/nowhere", PLAIN, PROBE)]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 429, 200]
    assert 1 <= retry_after(answers[3]) <= 60


def test_calls_count_by_client_and_by_view(app: Flask) -> None:
    # Two views of one factory, which have one name, and a second address of the one.
    for name in ("bread", "cake"):
        app.add_url_rule(f"/{name}", name, public(limited("1 per minute")(lambda: "served")))
    app.add_url_rule("/pastry", "pastry", app.view_functions["cake"])
    calls = [
        ("/bread", "192.0.2.1", 200),
        ("/bread", "192.0.2.2", 200),
        ("/cake", "192.0.2.1", 200),
        ("/bread", "192.0.2.1", 429),
        ("/pastry", "192.0.2.1", 429),
    ]
    client = app.test_client()
    assert calls == [
        (path, address, client.get(path, environ_overrides={"REMOTE_ADDR": address}).status_code)
        for path, address, _ in calls
    ]


class Resource(MethodView):
    """As Flask-RESTful and Flask-RESTX have it: each request decorates the method."""

    decorators = [public]  # noqa: RUF012 (Flask's own way)
    method_decorators: ClassVar[list[Any]] = []

    def dispatch_request(self, **arguments: Any) -> Any:
        method = getattr(self, request.method.lower())
        for decorate in self.method_decorators:
            method = decorate(method)
        return method(**arguments)

    def get(self) -> str:
        return "served"


def lossy(view: Any) -> Any:
    return lambda: view()


DECORATORS = {
    "one": [limited("2 per minute")],
    "two": [limited("9 per minute"), limited("2 per hour")],
    "below one without wraps": [limited("2 per minute"), lossy],
    "above one without wraps": [lossy, limited("2 per minute")],
    "made at each request": [lambda view: limited("2 per minute")(view)],
}


@pytest.mark.parametrize("decorators", DECORATORS.values(), ids=DECORATORS)
def test_calls_of_a_method_that_each_request_decorates_count(
    app: Flask, decorators: list[Any]
) -> None:
    for name in ("bread", "cake"):
        each: Any = type(name, (Resource,), {"method_decorators": decorators})
        app.add_url_rule(f"/{name}", view_func=each.as_view(name))
    client = app.test_client()
    calls = [client.get("/bread").status_code for _ in range(3)]
    assert (calls, client.get("/cake").status_code) == ([200, 200, 429], 200)


def test_each_of_several_limits_counts(app: Flask, wait: Wait) -> None:
    client = with_limited_view(app, "2 per minute; 3 per hour")
    statuses = [client.get(LIMITED).status_code for _ in range(3)]
    wait(60)
    statuses += [client.get(LIMITED).status_code for _ in range(2)]
    assert statuses == [200, 200, 429, 200, 429]


def test_what_is_no_limit_is_refused_at_import(subtests: pytest.Subtests) -> None:
    for text in ("", "often", "10", "2 per minute; often"):
        with subtests.test(case=text), pytest.raises(ValueError, match="limit"):
            limited(text)


def statuses_by_network(client: FlaskClient, path: str) -> list[int]:
    """One call each of the networks of an IPv6 site, of the first again, and of another site."""
    networks = [f"2001:db8:0:{number}::1" for number in range(WIDE + 1)]
    calling = [*networks, networks[0], "2001:db9::1"]
    answers = [client.get(path, environ_base={"REMOTE_ADDR": each}) for each in calling]
    return [answer.status_code for answer in answers]


def test_the_networks_of_one_ipv6_site_share_a_higher_limit(app: Flask, make_app: MakeApp) -> None:
    client = with_limited_view(app, "1 per minute")
    expected = [*[200] * WIDE, 429, 429, 200]
    assert statuses_by_network(client, LIMITED) == expected
    # So they do for all requests.
    app = make_app(rate_limit="1 per minute")
    app.add_url_rule(PLAIN, "plain", public(lambda: ""))
    assert statuses_by_network(app.test_client(), PLAIN) == expected
