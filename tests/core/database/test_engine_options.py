"""The options of an owner are merged with those that protect."""

import json
from contextlib import suppress
from typing import Any

import click
import pytest
from secure_flask import db
from secure_flask.database.database import impatient_transaction
from secure_flask.database.engine_options import LIMITS
from secure_flask.web.origins import PolicyError
from sqlalchemy import NullPool, QueuePool, text
from sqlalchemy.exc import IntegrityError

from core.conftest import MakeApp

POSTGRESQL = "postgresql+psycopg://app@127.0.0.1:1/app"
NEEDED = ("hide_parameters", "pool_pre_ping", "pool_size", "max_overflow", "pool_timeout")


def merged(make_app: MakeApp, url: str = POSTGRESQL, **own: Any) -> dict[str, Any]:
    app = make_app(fill=False, database_url=url, SQLALCHEMY_ENGINE_OPTIONS=own)
    options: dict[str, Any] = app.config["SQLALCHEMY_ENGINE_OPTIONS"]
    return options


def bound(make_app: MakeApp, bind: object) -> dict[str, Any]:
    app = make_app(fill=False, SQLALCHEMY_BINDS={"other": bind})
    options: dict[str, Any] = app.config["SQLALCHEMY_BINDS"]["other"]
    return options


def test_an_option_of_the_owner_removes_none_that_protects(make_app: MakeApp) -> None:
    plain = merged(make_app)
    options = merged(make_app, pool_recycle=60, connect_args={"application_name": "shop"})
    assert options["pool_recycle"] == 60
    assert [options[name] for name in NEEDED] == [True, True, 16, 0, 5]
    assert options["connect_args"] == {**plain["connect_args"], "application_name": "shop"}
    assert plain["connect_args"]["options"] == LIMITS["options"]


def test_the_owner_chooses_what_does_not_protect_or_protects_more(make_app: MakeApp) -> None:
    own: dict[str, Any] = {"pool_size": 4, "max_overflow": 2, "isolation_level": "SERIALIZABLE"}
    own |= {"pool_timeout": 0.5}
    arguments = {"prepare_threshold": 5, "client_encoding": "latin1", "connect_timeout": 2}
    session = {"options": "-c search_path=shop"}
    options = merged(make_app, connect_args=arguments | session, **own)
    assert {name: options[name] for name in own} == own
    joined = {"options": f"{LIMITS['options']} {session['options']}"}
    assert options["connect_args"].items() >= (arguments | joined).items()
    # A command may take as long as it likes.
    longer = {"options": "-c statement_timeout=1h"}
    with click.Context(click.Command("report")):
        assert merged(make_app, connect_args=longer)["connect_args"]["options"] == longer["options"]


def test_a_bind_has_the_same_options(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    for bind in (POSTGRESQL, {"url": POSTGRESQL}, {"url": POSTGRESQL, "pool_recycle": 60}):
        with subtests.test(bind=bind):
            options = bound(make_app, bind)
            assert {name: options[name] for name in (*NEEDED, "connect_args")} == merged(make_app)
            assert str(options["url"]) == POSTGRESQL


@pytest.mark.parametrize(
    "own",
    [
        {"hide_parameters": False},
        {"hide_parameters": "true"},
        {"pool_pre_ping": False},
        {"pool_timeout": 6},
        {"pool_timeout": None},
        {"connect_args": {"connect_timeout": 4}},
        {"connect_args": {"connect_timeout": 0}},
        {"connect_args": {"tcp_user_timeout": 7001}},
        {"connect_args": {"options": "-c statement_timeout=1h"}},
        {"connect_args": {"options": "-c lock_timeout=0"}},
        {"connect_args": {"options": "--Lock-Timeout=0"}},
        {"connect_args": {"options": "-c idle_in_transaction_session_timeout=0"}},
    ],
    ids=json.dumps,
)
def test_an_option_that_weakens_one_is_refused(make_app: MakeApp, own: dict[str, Any]) -> None:
    name = next(iter(own.get("connect_args", own)))
    with pytest.raises(PolicyError, match=rf"SQLALCHEMY_ENGINE_OPTIONS: {name} .+: remove it"):
        merged(make_app, **own)
    with pytest.raises(PolicyError, match=rf"SQLALCHEMY_BINDS\['other'\]: {name} .+: remove it"):
        bound(make_app, {"url": POSTGRESQL, **own})


def test_a_pool_of_another_kind_gets_no_size(make_app: MakeApp) -> None:
    sized = ["pool_size" in merged(make_app, poolclass=pool) for pool in (NullPool, QueuePool)]
    assert sized == [False, True]


def test_another_database_or_a_longer_wait_is_refused(make_app: MakeApp) -> None:
    with pytest.raises(PolicyError, match="SQLALCHEMY_ENGINE_OPTIONS: remove 'url'"):
        make_app(fill=False, SQLALCHEMY_ENGINE_OPTIONS={"url": "sqlite://"})
    # SQLite waits for 5 seconds at most.
    with pytest.raises(PolicyError, match="timeout is more than 0 and at most 5"):
        merged(make_app, "sqlite://", connect_args={"timeout": 30})
    with pytest.raises(PolicyError, match="SQLALCHEMY_BINDS: remove None"):
        make_app(fill=False, SQLALCHEMY_BINDS={None: "sqlite://"})


def test_an_error_of_a_bind_names_no_parameter(make_app: MakeApp) -> None:
    app = make_app(fill=False, SQLALCHEMY_BINDS={"other": "sqlite://"})
    with app.app_context(), db.engines["other"].connect() as connection:
        connection.execute(text("CREATE TABLE notes (text NOT NULL UNIQUE)"))
        insert = text("INSERT INTO notes VALUES (:text)")
        connection.execute(insert, {"text": "hunter2"})
        with pytest.raises(IntegrityError) as failed:
            connection.execute(insert, {"text": "hunter2"})
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize(
    ("own", "milliseconds"), [({}, 5000), ({"timeout": 0.25}, 250)], ids=["default", "own"]
)
def test_sqlite_waits_no_longer_than_the_owner_says(
    make_app: MakeApp, tmp_path: Any, own: dict[str, float], milliseconds: int
) -> None:
    url, options = f"sqlite:///{tmp_path}/app.db", {"connect_args": own}
    app = make_app(fill=False, database_url=url, SQLALCHEMY_ENGINE_OPTIONS=options)
    waits = []
    with app.app_context():
        for _ in range(2):
            with db.engine.connect() as connection:
                waits.append(connection.scalar(text("PRAGMA busy_timeout")))
            with suppress(RuntimeError), impatient_transaction() as impatient:
                waits.append(impatient.scalar(text("PRAGMA busy_timeout")))
                raise RuntimeError
    assert waits == [milliseconds, 0] * 2
