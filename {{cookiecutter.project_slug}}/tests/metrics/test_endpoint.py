"""Where the metrics are served, and where never."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.metrics.endpoint import PATH
from tests.conftest import PRODUCTION, MakeApp
from tests.metrics.conftest import PORT, arriving_at, scrape


def is_exposed(response: TestResponse) -> bool:
    return "http_request_duration_seconds" in response.get_data(as_text=True)


def test_its_own_port_serves_the_metrics_and_nothing_else(client: FlaskClient) -> None:
    served = scrape(client)
    assert served.status_code == 200
    assert served.mimetype == "text/plain"
    assert is_exposed(served)
    for path in ("/", "/_test/page", f"{PATH}/", f"/{PATH}"):
        assert scrape(client, path).status_code == 404
    assert client.post(PATH, environ_overrides=arriving_at(("", PORT))).status_code == 405


@pytest.mark.asvs("13.4.5")
def test_no_other_port_serves_them_whatever_a_client_writes(client: FlaskClient) -> None:
    for address in (("127.0.0.1", 8000), "/run/app.sock", "", None):
        assert not is_exposed(scrape(client, address=address))
    # As where the server tells nothing of the connection.
    forged = {"Host": f"localhost:{PORT}", "X-Forwarded-Port": str(PORT)}
    for environ in ({}, {"SERVER_PORT": str(PORT)}):
        response = client.get(PATH, headers=forged, environ_overrides=environ)
        assert not is_exposed(response)


@pytest.mark.asvs("13.4.5")
def test_there_are_none_unless_they_are_asked_for(make_app: MakeApp) -> None:
    assert not is_exposed(scrape(make_app(**PRODUCTION).test_client()))


def test_asking_for_them_is_no_request_of_the_site(app: Flask) -> None:
    client = app.test_client()
    scrape(client)
    assert 'route="(no route)",status="200"' not in scrape(client).get_data(as_text=True)
