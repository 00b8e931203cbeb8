"""Errors that a proxy answers by itself."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from app.checks.outside.proxy_errors import EXPECTED
from tests.checks.outside.conftest import Ask, Proxy

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def refusing(headers: dict[str, str]) -> Proxy:
    """A proxy that takes no long URL and no large body."""

    def proxy(app: "WSGIApplication") -> "WSGIApplication":
        def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            if len(environ["PATH_INFO"]) > 8000:
                return Response("<hr>nginx", 414, headers)(environ, start)
            if int(environ.get("CONTENT_LENGTH") or 0) > 1_000_000:
                return Response("<hr>nginx", 413, headers)(environ, start)
            return app(environ, start)

        return answer

    return proxy


def test_pages_without_security_headers_are_noted(ask: Ask) -> None:
    found = ask("outside.proxy-errors", refusing({"X-Frame-Options": "DENY"}))
    absent = ", ".join(name for name in EXPECTED if name != "X-Frame-Options")
    assert found == [
        f"The response 414 to a long URL lacks {absent}.",
        f"The response 413 to a large body lacks {absent}.",
    ]


def test_pages_with_them_are_not(ask: Ask) -> None:
    assert ask("outside.proxy-errors", refusing(dict.fromkeys(EXPECTED, "any"))) == []
