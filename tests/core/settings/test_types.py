"""How a database and Redis may be named, and what is said of a name that does not work."""

import re
import traceback

import pytest
from pydantic import ConfigDict, SecretStr, TypeAdapter, ValidationError
from secure_flask.settings.types import HOW_TO_NAME_REDIS, DatabaseURL, RedisURL

HIDDEN: ConfigDict = {"hide_input_in_errors": True}
DATABASE: TypeAdapter[SecretStr] = TypeAdapter(DatabaseURL, config=HIDDEN)
REDIS: TypeAdapter[SecretStr] = TypeAdapter(RedisURL, config=HIDDEN)

# What a DATABASE_URL becomes.
READ = {
    "postgresql://u:p%2Fw@h/n?sslmode=verify-full": "u:p%2Fw@h/n?sslmode=verify-full",
    "postgresql:///n?host=/run/postgresql": "/n?host=%2Frun%2Fpostgresql",
    "postgresql://u:p,w@h/n": "u:p%2Cw@h/n",
    "postgres://u:p@h/n": "u:p@h/n",
    "postgresql+psycopg2://u:p@h/n": "u:p@h/n",
    # Several, as SQLAlchemy names them.
    "postgresql+psycopg://u:p@/n?host=a:1&host=b:2": "u:p@/n?host=a%3A1&host=b%3A2",
}
REFUSED = """
postgresql postgresql://u:hide@a,b/n postgresql://u:hide@a:1,b:2/n
postgresql://u:hide#me@a:x,b:1/n postgresql://u:hide@a:x/n postgresql://u:p@hide@h/n
postgresql://u:p@hide@a,b/n postgresql://u:p@h/n?application_name=a%00&sslmode=verify-full
mysql://u:hide@h/n
"""

REDIS_READ = """
redis://h redis://h/? redis://[::1]:1/2 redis+unix:///run/redis.sock?db=1
rediss://u:p%2Fw@h:1/2?ssl_ca_certs=/ca&ssl_cert_reqs=none
"""
REDIS_REFUSED = """
h:6379 redis:// redis:h memory:// unix:///run/redis.sock redis://[ redis://h:99999
redis://h?retry=hide redis://h?socket_timeout=hide redis://h?ssl=true redis://h?ssl_ca_certs=/ca
redis://:hide#me@h redis://:hide/me@h rediss://h?ssl_ca_cert=/ca rediss://h?ssl_cert_reqs=hide
redis+sentinel://u:hide@h:1/main redis+cluster://u:hide@h:1 redis://a:1,b:2
"""


def shown_refusal(adapter: TypeAdapter[SecretStr], written: str) -> str:
    """All that a log would show of the error."""
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(written)
    return "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("written", READ)
def test_postgresql_is_named_as_sqlalchemy_names_it(written: str) -> None:
    url = DATABASE.validate_python(written).get_secret_value()
    assert url == f"postgresql+psycopg://{READ[written]}"


@pytest.mark.parametrize("written", REFUSED.split())
def test_what_cannot_be_meant_is_refused_and_not_shown(written: str) -> None:
    shown = shown_refusal(DATABASE, written)
    assert re.search("must be .*postgresql://user:", shown)
    assert "hide" not in shown


@pytest.mark.parametrize("written", REDIS_READ.split())
def test_redis_is_named_as_limits_and_redis_py_name_it(written: str) -> None:
    assert REDIS.validate_python(written).get_secret_value() == written


@pytest.mark.parametrize("written", ["", *REDIS_REFUSED.split()])
def test_a_redis_that_no_request_could_reach_is_refused_and_not_shown(written: str) -> None:
    shown = shown_refusal(REDIS, written)
    assert HOW_TO_NAME_REDIS in shown
    assert "hide" not in shown
