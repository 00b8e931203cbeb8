"""Gunicorn's part: what it binds, and the directory that its processes share."""

import atexit
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.metrics import port
from app.settings import SettingsError

OWN = "127.0.0.1:9464"

End = Callable[[], None]


@pytest.fixture(autouse=True)
def end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[End]:
    """What this process does at its end. Each test is a gunicorn that starts."""
    registered: list[End] = []

    def register(function: Callable[..., None], *arguments: object) -> None:
        registered.append(lambda: function(*arguments))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(atexit, "register", register)
    monkeypatch.delitem(sys.modules, "prometheus_client", raising=False)
    monkeypatch.setenv("METRICS_ADDRESS", OWN)
    # Set first, so that it is taken back.
    monkeypatch.setenv(port.DIRECTORY, "")
    monkeypatch.delenv(port.DIRECTORY)
    yield lambda: [each() for each in registered].clear()
    port._make_directory.cache_clear()


@pytest.mark.parametrize("address", ["", "9464", "localhost", "127.0.0.1:0", "a b:1", "x:99999"])
def test_nothing_is_bound_without_a_valid_address(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_ADDRESS", address)
    assert port.addresses() == []
    monkeypatch.delenv("METRICS_ADDRESS")
    assert port.addresses() == []
    assert port.DIRECTORY not in os.environ


def bound(*addresses: str) -> SimpleNamespace:
    """The configuration of a gunicorn that binds these."""
    return SimpleNamespace(bind=list(addresses))


def test_an_address_that_gunicorn_does_not_bind_is_refused() -> None:
    port.check(None, bound("127.0.0.1:8000"))
    port.check(OWN, bound("127.0.0.1:8000", OWN))
    port.check(OWN, bound("unix:/run/app.sock", OWN))
    with pytest.raises(SettingsError, match="does not listen there"):
        port.check(OWN, bound("127.0.0.1:8000"))


def test_the_sites_own_port_is_refused() -> None:
    with pytest.raises(SettingsError, match="another port"):
        port.check("127.0.0.1:8000", bound("[::]:8000", "127.0.0.1:8000"))


def test_the_directory_is_private_and_gone_at_the_end(end: End) -> None:
    assert port.addresses() == [OWN]
    directory = Path(os.environ[port.DIRECTORY])
    assert directory.stat().st_mode == 0o40700
    end()
    assert not directory.exists()


def test_a_configuration_that_is_read_again_keeps_it(tmp_path: Path) -> None:
    assert port.addresses() == port.addresses() == [OWN]
    assert list(tmp_path.iterdir()) == [Path(os.environ[port.DIRECTORY])]


def test_a_worker_that_ends_leaves_it_to_the_others(
    end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    port.addresses()
    with monkeypatch.context() as worker:
        worker.setattr(os, "getpid", lambda: 4_000_000)
        end()
    assert Path(os.environ[port.DIRECTORY]).is_dir()


def test_what_a_killed_server_left_is_removed_and_what_one_uses_is_not(tmp_path: Path) -> None:
    # In a container a server has the id of the one before. No process has the second id.
    left = [tmp_path / f"gunicorn-metrics-{number}-x" for number in (os.getpid(), 4_194_305)]
    kept = [tmp_path / f"gunicorn-metrics-{name}" for name in (f"{os.getppid()}-x", "of-others")]
    for directory in (*left, *kept):
        directory.mkdir()
        (directory / "counter_1.db").touch()
    port.addresses()
    assert {*tmp_path.iterdir()} == {*kept, Path(os.environ[port.DIRECTORY])}


def test_an_import_of_the_library_that_comes_too_early_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", sys)
    with pytest.raises(SystemExit, match="imports prometheus_client"):
        port.addresses()
