"""The cookie of Flask-Login that logs a user in for a year is sent as other cookies are."""

import re
from typing import Any

import pytest
from flask_login import LoginManager  # type: ignore[import-untyped]

from core.checks.conftest import MakeSite, found_in

SAFE = {"REMEMBER_COOKIE_SECURE": True, "REMEMBER_COOKIE_SAMESITE": "Lax"}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, ["SECURE", "SAMESITE"]),
        (SAFE, []),
        ({**SAFE, "REMEMBER_COOKIE_SAMESITE": "Strict"}, []),
        ({**SAFE, "REMEMBER_COOKIE_SAMESITE": "None"}, ["SAMESITE"]),
        ({**SAFE, "REMEMBER_COOKIE_HTTPONLY": False}, ["HTTPONLY"]),
        ({**SAFE, "REMEMBER_COOKIE_SECURE": False}, ["SECURE"]),
    ],
)
def test_what_the_cookie_lacks_is_named_with_its_line(
    make_site: MakeSite, config: dict[str, Any], named: list[str]
) -> None:
    site = make_site(**config)
    assert found_in(site, "remember-cookie.unprotected") == []
    LoginManager(site)
    found = found_in(site, "remember-cookie.unprotected")
    assert re.findall(r"^REMEMBER_COOKIE_(\w+) ", "\n".join(found), re.MULTILINE) == named


def test_development_has_no_https(make_site: MakeSite) -> None:
    site = make_site(app_env="development", REMEMBER_COOKIE_SAMESITE="Lax")
    LoginManager(site)
    assert found_in(site, "remember-cookie.unprotected") == []
