"""What a view for admins sets: the roles of another user, and a logout everywhere."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth.access import roles_required
from secure_flask.auth.authentication import end_other_logins
from secure_flask.auth.roles import known_roles, set_roles
from secure_flask.auth.users import user_class
from secure_flask.keys.requests import keys_allowed

from core.conftest import MakeApp, add_user, give_roles, is_logged_in, log_in, stored_user
from core.keys.made_keys import is_open, new_key

OTHER = "grace"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with a view for the role `editor`, and a user who has the role `member`."""
    app = make_app()
    app.add_url_rule("/_test/edit", "edit", roles_required("editor")(lambda: ""))
    add_user(app, OTHER)
    give_roles(app, "member", to=OTHER)
    return app


@pytest.mark.parametrize(
    ("names", "ends"), [(["member", "editor"], True), (["member"], False), ([], False)]
)
def test_a_new_role_ends_the_logins_and_keeps_the_keys(
    app: Flask, client: FlaskClient, names: list[str], ends: bool
) -> None:
    credentials, key = log_in(client, username=OTHER), new_key(app, to=OTHER)
    with stored_user(app, OTHER) as user:
        assert set_roles(user, names) == ends
    assert is_logged_in(client, credentials) == (not ends)
    assert is_open(client, key)
    with stored_user(app, OTHER) as user:
        assert user.role_names == sorted(names)


def test_a_role_that_the_key_of_the_request_lacks_is_seen(app: Flask, client: FlaskClient) -> None:
    def promote() -> dict[str, bool]:
        return {"ended": set_roles(user_class().find(OTHER), ["member", "editor"])}  # type: ignore[arg-type]

    app.add_url_rule("/_test/promote", view_func=keys_allowed(promote))
    credentials, key = log_in(client, username=OTHER), new_key(app, to=OTHER)
    answer = client.get("/_test/promote", headers={"Authorization": f"Bearer {key}"})
    assert (answer.json, is_logged_in(client, credentials)) == ({"ended": True}, False)


def test_a_role_of_no_view_that_nobody_had_is_refused(app: Flask) -> None:
    with stored_user(app, OTHER) as user:
        with pytest.raises(ValueError, match=r"no role 'boss'. The known ones are editor, member"):
            set_roles(user, ["boss"])
        assert known_roles() == ["editor", "member"]


def test_an_admin_logs_a_user_out_everywhere_and_is_named_in_the_log(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    def change() -> str:
        user: Any = user_class().find(OTHER)
        end_other_logins(user)
        return str(set_roles(user, ["editor"]))

    view = roles_required("admin")(change)
    app.add_url_rule("/_test/change", "change", view, methods=["POST"])
    give_roles(app, "admin")
    theirs, key = log_in(app.test_client(), username=OTHER), new_key(app, to=OTHER)
    assert client.post("/_test/change", json={}, headers=log_in(client)).status_code == 200
    # Who is logged out everywhere has no login and no key.
    visitor = app.test_client(use_cookies=False)
    assert [is_logged_in(visitor, theirs), is_open(visitor, key)] == [False, False]
    with stored_user(app) as admin, stored_user(app, OTHER) as user:
        done = {"user_id": user.id, "by": admin.id}
    lines: list[Any] = [each.msg for each in caplog.records if isinstance(each.msg, dict)]
    events = {each["event"] for each in lines if done.items() <= each.items()}
    assert {"authz_change", "session_expired"} <= events
