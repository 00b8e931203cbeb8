"""Servers that are unavailable: the app starts, and half of each limit holds."""

import pytest

from tests.conftest import MakeApp
from tests.security.test_rate_limits import statuses, with_limited_view

pytest.importorskip("redis")

# Nothing listens there.
UNAVAILABLE = ("redis://", "redis+sentinel://", "redis+cluster://")


@pytest.mark.asvs("16.5.2")
def test_half_the_limit_holds_without_any_kind_of_server(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    for scheme, path in zip(UNAVAILABLE, ("/0", "/main", ""), strict=True):
        with subtests.test(scheme):
            app = make_app(redis_url=f"{scheme}127.0.0.1:1{path}")
            client = with_limited_view(app, "4 per minute")
            assert statuses(client, *["192.0.2.1"] * 3) == [200, 200, 429]
            assert client.get("/readyz").get_json() == {"status": "degraded"}


def test_no_request_waits_in_order_to_repeat(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("redis.retry.sleep", waits.append)
    for scheme, path in zip(UNAVAILABLE, ("/0", "/main", ""), strict=True):
        app = make_app(redis_url=f"{scheme}127.0.0.1:1{path}")
        assert statuses(with_limited_view(app), "192.0.2.1") == [200]
    assert waits == []
