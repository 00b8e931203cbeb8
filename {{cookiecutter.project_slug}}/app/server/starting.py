"""Starts gunicorn only with what its workers need, and says what is missing in sentences.

Source: OWASP ASVS 13.1.3.
"""

import re
import sys
from typing import Any

from app.db import database
from app.metrics import port as metrics_port
from app.server import responses, stopping
from app.settings import Settings, SettingsError


def address(host: str, port: str) -> str:
    """The address for gunicorn to bind; an invalid one exits with a message, not a traceback."""
    if not re.fullmatch(r"[\w.:\[\]-]+", host):
        sys.exit("HOST must be a name or an address of this computer, as in HOST=0.0.0.0")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        sys.exit("PORT must be a number up to 65535, as in PORT=8000")
    return f"[{host}]:{port}" if ":" in host and "[" not in host else f"{host}:{port}"


def on_starting(server: Any) -> None:
    """Check the settings once, before any worker starts, and change what the workers use."""
    try:
        settings = Settings.load()
        settings.check_workers(server.cfg.workers)
        metrics_port.check(settings.metrics_address, server.cfg)
    except SettingsError as error:
        sys.exit(str(error))
    if not issubclass(server.cfg.worker_class, stopping.Worker):
        sys.exit("Leave out --worker-class: gunicorn's own workers wait for slow clients forever.")
    if not 1 <= server.cfg.threads <= database.THREADS:
        sys.exit(f"Leave out --threads: there are only {database.THREADS} database connections.")
    responses.install(production=settings.app_env == "production")
    stopping.delay(server, settings.shutdown_delay)
