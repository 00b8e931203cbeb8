"""Writes gunicorn's own log lines in JSON, like those of the app, and quotes no request.

Source: OWASP ASVS 16.2.4, 16.2.5.
"""

import sys
from typing import Any

from gunicorn import glogging

from app.security import logs


class Logger(glogging.Logger):
    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(production=True))

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Do not log the quote of an invalid request, which may contain part of a password."""
        refused, quoted, _ = msg.partition(": ")
        if refused.startswith("Invalid request") and quoted:
            msg = f"{refused}: {type(sys.exception()).__name__}"
        super().warning(msg, *args, **kwargs)
