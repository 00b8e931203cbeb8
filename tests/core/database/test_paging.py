"""Lists in pages: a page that does not exist is a 404, whatever its number."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.pagination import Pagination
from secure_flask import Role, public
from secure_flask.database import db
from sqlalchemy import select
from werkzeug.exceptions import NotFound

from core.conftest import MakeApp

PER_PAGE = 100
NAMES = [f"role-{number:03}" for number in range(PER_PAGE + 1)]
# Some databases cannot count as far as the first row of such a page, and Python reads other digits.
NO_PAGES = [
    *("0", "-1", "3", "99", str(10**17), str(2**63 - 1), str(2**63), str(-(10**17)), "9" * 5000),
    *("", " ", "x", "1.5", "1e3", "0x2", "+2", " 2", "2 ", "1_0", "²", "٢", "２", "2\0", "Ⅱ"),
]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with a list of two pages at /names."""
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/names", view_func=public(lambda: [role.name for role in paginate()]))
    with app.app_context():
        db.session.add_all(Role(name=name) for name in NAMES)
        db.session.commit()
    return app


def paginate(**options: Any) -> Pagination:
    return db.paginate(select(Role).order_by(Role.name), per_page=PER_PAGE, **options)


def page(client: FlaskClient, text: str) -> object:
    """What the page has, or the status where there is none."""
    answer = client.get("/names", query_string={"page": text})
    return answer.get_json() if answer.status_code == 200 else answer.status_code


def test_pages_are_counted_from_one(app: Flask, client: FlaskClient) -> None:
    first, second = NAMES[:PER_PAGE], NAMES[PER_PAGE:]
    assert client.get("/names").get_json() == first
    assert [page(client, text) for text in ("1", "2", "02")] == [first, second, second]
    # A page that does not exist is not found.
    assert {text: page(client, text) for text in NO_PAGES} == dict.fromkeys(NO_PAGES, 404)
    # Outside of requests the first page comes first.
    with app.app_context():
        assert len(paginate().items) == PER_PAGE


def test_a_number_past_the_end_that_a_view_read_itself_is_treated_alike(app: Flask) -> None:
    numbers = (3, 10**17, 2**63 - 1, 10**30)
    with app.app_context():
        pages = [paginate(page=number, error_out=False) for number in numbers]
        assert [(each.items, each.total) for each in pages] == [([], len(NAMES))] * len(numbers)
        with pytest.raises(NotFound):
            paginate(page=10**17)
