"""How a database may be named, and what is said of a name that does not work."""

import traceback

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from secure_flask.settings.service_urls import DatabaseURL

pytest.importorskip("psycopg")

DATABASE: TypeAdapter[SecretStr] = TypeAdapter(DatabaseURL, config={"hide_input_in_errors": True})

# What a DATABASE_URL becomes.
READ = {
    "postgresql://u:p%2Fw@h/n?sslmode=verify-full": "u:p%2Fw@h/n?sslmode=verify-full",
    "postgresql:///n?host=/run/postgresql": "/n?host=%2Frun%2Fpostgresql",
    "postgresql://u:p@a:1,b:2/n": "u:p@/n?host=a%2Cb&port=1%2C2",
    "postgresql://u:p%2Fw@a,[::1]:2/n": "u:p%2Fw@/n?host=a%2C%3A%3A1&port=%2C2",
    "postgresql://u:p,w@h/n": "u:p%2Cw@h/n",
    # As SQLAlchemy names several.
    "postgresql+psycopg://u:p@/n?host=a:1&host=b:2": "u:p@/n?host=a%3A1&host=b%3A2",
}
REFUSED = [
    "postgresql",
    "postgresql://h?sslmod=verify-full",
    "postgresql://a,b/n?sslmod=verify-full",
    "postgresql://u:hide#me@a:x,b:1/n",
    "postgresql://u:hide@a:x/n",
    "postgresql://u:hide%zz@a,b/n",
    "postgresql://u:p@hide@h/n",
    "postgresql://u:p@hide@a,b/n",
    "postgresql://u:p@h/n?application_name=a%00&sslmode=verify-full",
    "postgresql+psycopg2://u:hide@h/n",
]


def test_postgresql_is_named_as_libpq_and_sqlalchemy_name_it(subtests: pytest.Subtests) -> None:
    for written, read in READ.items():
        with subtests.test(written):
            url = DATABASE.validate_python(written).get_secret_value()
            assert url == f"postgresql+psycopg://{read}"


def test_what_cannot_be_meant_is_refused_and_not_shown(subtests: pytest.Subtests) -> None:
    for written in REFUSED:
        with subtests.test(written):
            with pytest.raises(ValidationError, match=r"must be .*postgresql://user:") as refused:
                DATABASE.validate_python(written)
            assert "hide" not in "".join(traceback.format_exception(refused.value))
