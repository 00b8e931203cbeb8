"""One line at the start: the policy in force, for whoever asks later what protected the app.

Source: OWASP Logging Vocabulary Cheat Sheet, sys_startup.
"""

from flask import Flask

from app.auth import tokens
from app.security import audit, csp
from app.security.sources import serialize


def announce(app: Flask) -> None:
    """Tell what a server of this app enforces. None of it is secret."""
    policy = csp.effective(app.config, {})
    audit.record(
        audit.STARTUP,
        production=app.config["PRODUCTION"],
        csp=serialize(policy),
        csp_report_only=app.config["CSP_REPORT_ONLY"],
        framing=" ".join(policy["frame-ancestors"]),
        cors_origins=" ".join(sorted(app.extensions["cors_origins"])),
        trusted_hosts=" ".join(sorted(app.extensions["trusted_hosts"])),
        proxy_hops=app.config["PROXY_HOPS"],
        token_type=tokens.NAME,
    )
