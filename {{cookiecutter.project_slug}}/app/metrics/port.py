"""Gunicorn's part of the metrics: a port of their own, and a directory that processes share.

prometheus-client needs the directory before its first import, and each process has files there.
Source: Prometheus Python client, multiprocess mode.
"""

import atexit
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from app.setting_types import is_address_and_port
from app.settings import SettingsError

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "gunicorn-metrics-"


def addresses() -> list[str]:
    """What gunicorn binds for the metrics: METRICS_ADDRESS, or nothing.

    An invalid one is left out here, since `Settings` refuses it.
    """
    address = os.environ.get("METRICS_ADDRESS", "")
    if not is_address_and_port(address):
        return []
    _make_directory()
    return [address]


def check(address: str | None, configuration: Any) -> None:
    """Refuse a configuration of gunicorn that binds another address, or this port twice.

    :raises SettingsError: one of these.
    """
    if address is None:
        return
    bound = configuration.bind
    if address not in bound:
        raise SettingsError(
            "METRICS_ADDRESS: gunicorn does not listen there. Set it in gunicorn's environment, "
            "since gunicorn does not read .env, and set HOST and PORT instead of --bind."
        )
    if [port_of(each) for each in bound].count(port_of(address)) > 1:
        raise SettingsError("METRICS_ADDRESS: needs another port than the site, such as 9464.")


def port_of(address: str) -> int:
    """The port of a TCP address; 0 for a Unix socket."""
    port = address.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


def child_exit(server: object, worker: Any) -> None:
    """Gunicorn's hook: remove what an ended process was doing; what it counted stays in the sums."""
    if DIRECTORY in os.environ:
        # Imported here: prometheus-client is an extra.
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


@cache  # gunicorn reads its configuration again at SIGHUP
def _make_directory() -> None:
    if "prometheus_client" in sys.modules:
        sys.exit(
            "METRICS_ADDRESS: a module of yours imports prometheus_client at its top, before "
            "gunicorn made the directory for it. Import it in init_app(), or count an event of "
            "the audit log."
        )
    _remove_leftovers()
    os.environ[DIRECTORY] = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    atexit.register(_remove, os.environ[DIRECTORY], os.getpid())


def _remove(directory: str, creator: int) -> None:
    # Workers inherit this call at their end, and others still count.
    if os.getpid() == creator:
        shutil.rmtree(directory, ignore_errors=True)


def _remove_leftovers() -> None:
    """Remove the directories of servers that were killed, and so left them."""
    for found in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        process = found.name.removeprefix(_PREFIX).partition("-")[0]
        if process.isdecimal() and not _is_another_running(int(process)):
            shutil.rmtree(found, ignore_errors=True)


def _is_another_running(process: int) -> bool:
    # In a container, the process before had the same id.
    if process == os.getpid():
        return False
    with suppress(ProcessLookupError, OverflowError):
        with suppress(PermissionError):
            os.kill(process, 0)
        return True
    return False
