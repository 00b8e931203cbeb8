"""Cookies of a proxy without protection, and those that have it."""

from tests.checks.outside.conftest import Ask, Proxy, with_headers


def setting(cookie: str) -> Proxy:
    return with_headers(lambda headers: headers.add("Set-Cookie", cookie))


def test_each_attribute_that_is_missing_is_reported_and_no_value(ask: Ask) -> None:
    for attributes, flaws in (
        ("", "lacks Secure, lacks HttpOnly, lacks SameSite"),
        ("; secure; HttpOnly; SameSite=None", "lacks SameSite"),
        ("; Secure; HttpOnly; SameSite=Lax; Domain=safe.test", "has a Domain"),
    ):
        [message] = ask("outside.cookie", setting(f"AWSALB=s3cret{attributes}"))
        assert message.startswith("The cookie AWSALB of /")
        assert message.endswith(f" {flaws}.")
        assert "s3cret" not in message


def test_a_protected_cookie_is_not_reported(ask: Ask) -> None:
    cookie = "AWSALB=s3cret; Path=/; Secure; HttpOnly; samesite=strict"
    assert ask("outside.cookie", setting(cookie)) == []
