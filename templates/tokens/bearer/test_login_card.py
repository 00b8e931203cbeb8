"""The login on the start page, whose script gets the addresses of its routes from the page."""

from flask.testing import FlaskClient

from app.assets import STATIC
from tests.routes import LOGIN, LOGOUT, ME


def test_its_script_finds_the_routes_below_a_path_too(client: FlaskClient) -> None:
    page = client.get("/", base_url="http://localhost/shop").text
    for path in (LOGIN, LOGOUT, ME):
        assert f'="/shop{path}"' in page
    assert '"/' not in (STATIC / "login.js").read_text("utf-8")
