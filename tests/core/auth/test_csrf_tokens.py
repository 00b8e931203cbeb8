"""Which CSRF token belongs to a login, and what happens to a write without it."""

import pytest
from flask import Flask
from secure_flask.auth.csrf_tokens import masked_token_for, require_token, token_for
from werkzeug.exceptions import Forbidden

from core.conftest import MakeApp


def require(app: Flask, sent: str) -> None:
    """Send this as the CSRF token of "one login"."""
    with app.test_request_context("/", headers={"X-CSRF-Token": sent}):
        require_token("one login")


def test_each_login_and_each_site_has_a_token_of_its_own(make_app: MakeApp, app: Flask) -> None:
    other_site = make_app(secret_key="another-site-has-another-key-9876543210")
    with app.app_context():
        tokens = [token_for("one login"), token_for("one login"), token_for("another")]
    with other_site.app_context():
        tokens.append(token_for("one login"))
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 3
    assert {len(token) for token in tokens} == {64}
    assert "one login" not in tokens[0]


def test_the_right_token_passes_plain_and_masked(app: Flask) -> None:
    with app.app_context():
        right = [token_for("one login"), masked_token_for("one login")]
    for sent in right:
        require(app, sent)


def test_a_masked_token_has_no_part_that_stays_the_same(app: Flask) -> None:
    with app.app_context():
        plain = token_for("one login")
        first, second = masked_token_for("one login"), masked_token_for("one login")
    for half in (first[:64], first[64:]):
        assert half not in second
        assert half != plain


def test_any_other_is_refused(app: Flask, subtests: pytest.Subtests) -> None:
    with app.app_context():
        anothers = [token_for("another"), masked_token_for("another")]
    for sent in ("", "0" * 64, "0" * 128, "0" * 127, "\u00e9", "one login", *anothers):
        with subtests.test(sent), pytest.raises(Forbidden):
            require(app, sent)
    with app.test_request_context("/"), pytest.raises(Forbidden):
        require_token("one login")
