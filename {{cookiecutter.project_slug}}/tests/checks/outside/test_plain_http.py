"""Plain http that leads to https, that serves something, and that is closed."""

from werkzeug.wrappers import Response

from tests.checks.outside.conftest import NAME, Ask, Proxy, answering, to_https


def redirecting(location: str) -> Proxy:
    return answering(Response(status=301, headers={"Location": location}))


def test_each_path_that_is_served_over_http_is_reported(ask: Ask) -> None:
    [message] = ask(
        "outside.http-served",
        http=lambda app: answering(Response("ok"), "/me")(to_https(app)),
    )
    assert "GET /me is answered with 200" in message


def test_only_a_redirect_to_https_and_to_an_own_name_is_right(ask: Ask) -> None:
    for location, found in (
        (f"https://{NAME}/", 0),
        (f"https://{NAME}:8443/", 0),
        (f"http://{NAME}/", 3),
        ("https://www.other.test/", 3),
        ("/", 3),
    ):
        assert len(ask("outside.http-served", http=redirecting(location))) == found


def test_a_closed_port_is_noted_and_no_error(ask: Ask, closed_port: int) -> None:
    [message] = ask("outside.http-closed", http_port=closed_port)
    assert "the connection is refused" in message
    assert ask("outside.http-served", http_port=closed_port) == []
