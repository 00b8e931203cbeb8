"""What decorators note on views, as it is read before a view is called."""

from flask import Flask

from app.security.marks import view_has


def test_a_mark_belongs_to_its_view_alone(app: Flask) -> None:
    for path, marked in (("/healthz", True), ("/", False), ("/nowhere", False)):
        with app.test_request_context(path):
            assert view_has("is_probe") is marked
