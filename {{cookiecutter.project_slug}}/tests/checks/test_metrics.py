"""Metrics that others than Prometheus could read."""

from tests.checks.conftest import Find


def test_a_public_address_is_reported(find: Find) -> None:
    for address in ("8.8.8.8:9464", "[2a00:1450::1]:9464"):
        assert len(find("metrics.public", METRICS_ADDRESS=address)) == 1
    for other in (None, "127.0.0.1:9464", "10.1.2.3:9464", "[::1]:9464", "localhost:9464"):
        assert find("metrics.public", METRICS_ADDRESS=other) == []


def test_every_interface_is_reported(find: Find) -> None:
    for address in ("0.0.0.0:9464", "[::]:9464"):
        assert len(find("metrics.every-interface", METRICS_ADDRESS=address)) == 1
    for other in (None, "127.0.0.1:9464", "10.1.2.3:9464"):
        assert find("metrics.every-interface", METRICS_ADDRESS=other) == []
