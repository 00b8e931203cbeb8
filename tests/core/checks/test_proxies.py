"""A proxy that is missing, that clients can bypass, or that refuses what a view accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from secure_flask import consumes
from secure_flask.checks import proxies, registry

IDS = ("none", "bypassed", "small-bodies")
CONFIG = {"PROXY_HOPS": 1, "MAX_REQUEST_BODY": 2**20, "MAX_BODY": 2**16}


def found(app: Flask | None = None, **config: object) -> dict[str, registry.Finding]:
    app = app or Flask("app")
    app.config.update(CONFIG | config)
    findings = (registry.CHECKS[f"proxies.{name}"].find(app) for name in IDS)
    return {finding.id: finding for each in findings for finding in each}


def test_one_proxy_on_the_same_machine_is_right() -> None:
    assert not found()


def test_no_proxy_is_an_error() -> None:
    finding = found(PROXY_HOPS=0)["proxies.none"]
    assert finding.level == "error"
    assert "slow clients" in finding.message


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]", "192.0.2.1", "app.internal"])  # noqa: S104
def test_a_server_that_other_machines_reach_is_reported(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", host)
    assert list(found()) == ["proxies.bypassed"]
    assert found()["proxies.bypassed"].level == "warning"
    assert f"HOST is {host}," in found()["proxies.bypassed"].message


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "127.0.0.2", "::1", "[::1]"])
def test_a_server_of_this_machine_alone_is_not(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", host)
    assert not found()


@pytest.mark.parametrize("engine", ["docker", "kubernetes"])
def test_a_container_is_reached_by_the_proxy_of_another(
    engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")  # noqa: S104
    if engine == "docker":
        monkeypatch.setattr(proxies, "CONTAINER_FILES", (tmp_path,))
    else:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "192.0.2.1")
    assert not found()


def test_a_view_that_accepts_more_than_the_proxy_is_reported() -> None:
    app = Flask("app")

    @app.post("/upload")
    @consumes("application/octet-stream", max_size=2**20 + 1)
    def upload() -> str:
        return ""

    assert list(found(app)) == ["proxies.small-bodies"]
    assert not found(app, MAX_REQUEST_BODY=2**20 + 1)
    assert list(found(MAX_BODY=2**21)) == ["proxies.small-bodies"]
