"""Checks that the mail server can be reached and accepts the password in MAIL_URL.

Source: OWASP ASVS 6.4.3.
"""

from logging import WARNING

from flask import Flask

from app.accounts.mail import mail_server
from app.checks.registry import check


@check(
    "mail.unreachable",
    WARNING,
    "The mail server does not accept mail ({}): nobody can register or get a new password.",
    "Check MAIL_URL, whether the network lets the app reach it, and the server's certificate.",
    deploy=True,
)
def unreachable_mail_server(app: Flask) -> list[str]:
    # Development has no server without MAIL_URL; settings.development reports that.
    if not app.config["MAIL_URL"]:
        return []
    server = mail_server.read(app.config["MAIL_URL"])
    try:
        with mail_server.connect(server, production=app.config["PRODUCTION"]):
            return []
    except (OSError, ValueError) as error:
        return [mail_server.reason(error)]
