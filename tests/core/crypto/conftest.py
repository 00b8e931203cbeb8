"""Every test of encryption runs inside an app, whose keys it uses."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from secure_flask.database import db
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from core.crypto.encrypted_models import Base, Customer, Employee, Member, Note, Person

# Its examples all use one app; kept ones would lie about in the project.
settings.register_profile(
    "here",
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("here")


@pytest.fixture(autouse=True)
def _in_an_app(app_context: None) -> None:
    """The keys are those of the app."""


@pytest.fixture
def session() -> Iterator[Session]:
    """A database with the tables of encrypted_models.py, of the same kind as the app's."""
    engine = create_engine(db.engine.url)
    models: list[Any] = [Person, Member, Customer, Employee, Note]
    tables = [model.__table__ for model in models]
    Base.metadata.create_all(engine, tables)
    with Session(engine) as session:
        yield session
    Base.metadata.drop_all(engine, tables)
    engine.dispose()
