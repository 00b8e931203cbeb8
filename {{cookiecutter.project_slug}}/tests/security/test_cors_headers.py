"""Which headers `policy.py` may let a script of another origin send."""

import pytest

from app.security import cors_headers
from app.security.origins import PolicyError
from tests.conftest import MakeApp


def test_names_of_libraries_are_taken() -> None:
    cors_headers.check(["X-Requested-With", "traceparent", "tracestate", "sentry-trace", "baggage"])


@pytest.mark.parametrize("name", ["*", "", "X Requested With", "X-One, X-Two", "X-\r\nSet-Cookie"])
def test_what_is_no_name_stops_the_app(make_app: MakeApp, name: str) -> None:
    with pytest.raises(PolicyError, match=r"CORS_REQUEST_HEADERS holds .* no header name"):
        make_app(CORS_REQUEST_HEADERS=[name])


NOT_OF_SCRIPTS = [
    *("Cookie", "ORIGIN", "Host", "Sec-Fetch-Site", "Proxy-Authorization", "Forwarded"),
    *("X-Forwarded-For", "x-forwarded-proto", "X-Real-IP", "X-HTTP-Method-Override"),
]


@pytest.mark.parametrize("name", NOT_OF_SCRIPTS)
def test_so_does_what_no_script_may_decide(name: str) -> None:
    with pytest.raises(PolicyError, match=f"holds '{name}', which .* remove it"):
        cors_headers.check([name])


def test_so_does_one_text_in_place_of_a_list() -> None:
    with pytest.raises(PolicyError, match="is one text; write a list of names"):
        cors_headers.check("X-Requested-With")
