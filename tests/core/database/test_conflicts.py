"""Two requests at the same moment: the slower one gets 409, and nothing crashes."""

import pytest
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.database import db
from sqlalchemy import delete

from core.conftest import USERNAME, MakeApp
from core.site import User


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """A client of views whose user is deleted by another request while they run."""
    app = make_app()

    def gone() -> User:
        user = User.find(USERNAME)
        assert user is not None
        db.session.execute(delete(User).execution_options(synchronize_session=False))
        return user

    def read() -> str:
        db.session.expire(user := gone())
        return user.name

    def change() -> str:
        gone().disabled = True
        db.session.commit()
        return "changed"

    for view in (read, change):
        app.add_url_rule(f"/conflict/{view.__name__}", view_func=public(view))
    return app.test_client()


@pytest.mark.parametrize("view", ["read", "change"])
def test_who_needs_a_row_that_is_gone_may_try_again(client: FlaskClient, view: str) -> None:
    answer = client.get(f"/conflict/{view}")
    assert answer.status_code == 409
    assert not answer.text.count(USERNAME)
    with client.application.app_context():
        assert User.find(USERNAME) is not None
