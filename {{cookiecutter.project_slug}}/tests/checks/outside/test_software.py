"""Headers that name the software in front of the app."""

import pytest

from tests.checks.outside.conftest import Ask, with_headers


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("Server", "nginx/1.26.3", ["outside.software-version"]),
        ("X-Powered-By", "PHP/8.4.1", ["outside.software-version"]),
        ("Server", "nginx", ["outside.software"]),
        ("Via", "1.1 Caddy", ["outside.software"]),
        ("Server", "", []),
    ],
)
def test_software_is_reported_and_worse_with_its_version(
    name: str, value: str, found: list[str], ask: Ask
) -> None:
    proxy = with_headers(lambda headers: headers.set(name, value))
    checks = ("outside.software-version", "outside.software")
    assert [check for check in checks if ask(check, proxy)] == found
