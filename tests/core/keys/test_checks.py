"""Keys that are forgotten: nobody uses them, and a thief could."""

from flask import Flask
from secure_flask.auth.logins import DAY
from secure_flask.database import db
from sqlalchemy import text

from core.checks.conftest import MakeSite, found_in
from core.conftest import MakeApp, Wait
from core.keys.made_keys import ask, new_key

CHECK = "api-keys.unused"


def id_of(key: str) -> str:
    return key.split("_")[1]


def test_keys_that_were_not_used_for_90_days_are_named(app: Flask, wait: Wait) -> None:
    new, used, unused = (
        new_key(app, name=name, expires_in=365 * DAY) for name in ("new", "used", "unused")
    )
    new_key(app, name="expired", expires_in=DAY)
    client = app.test_client()
    assert [ask(client, key).status_code for key in (used, unused)] == [200, 200]
    wait(89 * DAY)
    assert ask(client, used).status_code == 200
    assert found_in(app, CHECK) == []
    wait(DAY)
    [message] = found_in(app, CHECK)
    assert [id_of(key) in message for key in (new, used, unused)] == [True, False, True]
    assert not any(key in message for key in (new, unused))


def test_a_message_names_ten_of_many(make_app: MakeApp, wait: Wait) -> None:
    app = make_app()
    for number in range(11):
        new_key(app, name=str(number), expires_in=365 * DAY)
    wait(90 * DAY)
    [message] = found_in(app, CHECK)
    assert message.count(",") == 9
    assert message.endswith(" and more.")


def test_without_tables_it_finds_nothing(make_migrated: MakeSite) -> None:
    app = make_migrated()
    with app.app_context():
        db.session.execute(text("DROP TABLE user_api_keys"))
        db.session.commit()
    assert found_in(app, CHECK) == []
