"""What becomes of a request for a name that is not the site's."""

from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from tests.checks.outside.conftest import NAME, Ask, Visit, close, only_own_name

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

CHECKS = ["outside.foreign-host", "outside.foreign-host-accepted", "outside.foreign-redirect"]


@Request.application
def redirect(request: Request) -> Response:
    return Response(status=308, headers={"Location": f"https://{request.host}{request.path}"})


def with_own_name(app: "WSGIApplication") -> "WSGIApplication":
    return lambda environ, start: app({**environ, "HTTP_HOST": NAME}, start)


def test_a_proxy_that_replaces_the_name_of_the_client_is_reported(visit: Visit) -> None:
    assert [*visit(CHECKS, with_own_name)] == ["outside.foreign-host"]


def test_a_proxy_that_answers_every_name_by_itself_is_reported(visit: Visit) -> None:
    proxy = only_own_name(Response("Welcome"))
    assert [*visit(CHECKS, proxy)] == ["outside.foreign-host-accepted"]


def test_a_redirect_to_whatever_name_was_sent_is_reported(ask: Ask) -> None:
    [message] = ask("outside.foreign-redirect", http=lambda app: redirect)
    assert " over http " in message
    [message] = ask("outside.foreign-redirect", only_own_name(redirect))
    assert " over https " in message


def test_a_proxy_that_refuses_other_names_or_closes_is_not_reported(visit: Visit) -> None:
    others: list[WSGIApplication] = [Response(status=421), close]
    for other in others:
        assert visit(CHECKS, only_own_name(other)) == {}
