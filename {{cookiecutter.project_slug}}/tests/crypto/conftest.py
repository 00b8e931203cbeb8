"""Every test of encryption runs inside an app, whose keys it uses."""

from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

# Its examples all use one app; kept ones would lie about in the project.
settings.register_profile(
    "here",
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("here")


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
