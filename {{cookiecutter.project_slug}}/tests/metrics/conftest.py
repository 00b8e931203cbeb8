"""An app that is asked for metrics, and what it says of itself."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from app.auth.access import public
from app.metrics.endpoint import PATH
from tests.conftest import PRODUCTION, MakeApp

PORT = 9464

# `values()`: each value since the start of the tests, by its name and labels.
Values = Callable[..., dict[str, float]]


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp) -> Flask:
    app = make_app(**PRODUCTION, metrics_address=f"127.0.0.1:{PORT}")
    app.add_url_rule("/_test/page", view_func=public(lambda: "a page"))
    return app


def arriving_at(address: object) -> dict[str, object]:
    """What gunicorn says of a connection."""
    return {"gunicorn.socket": Mock(getsockname=lambda: address)}


def scrape(client: FlaskClient, path: str = PATH, address: object = ("::1", PORT)) -> TestResponse:
    return client.get(path, environ_overrides=arriving_at(address))


@pytest.fixture
def values(client: FlaskClient) -> Values:
    """`values("http_requests_total")`: the samples of that name, by their labels."""

    def read(name: str) -> dict[str, float]:
        families = text_string_to_metric_families(scrape(client).get_data(as_text=True))
        samples = [sample for family in families for sample in family.samples]
        return {
            " ".join(sample.labels.values()): sample.value
            for sample in samples
            if sample.name == name
        }

    return read
