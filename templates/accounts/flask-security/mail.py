"""Sends the mails of accounts: after the response, and with the same work for nobody.

A mail for nobody is composed too, so that time does not show whether an account exists.
Source: OWASP ASVS 6.3.8.
"""

from functools import partial

import click
from flask import Flask, current_app, has_request_context

from app.accounts.mail import mail_server, mailbox, outbox
from app.accounts.mail.mail_messages import compose
from app.security import audit

_NOBODY = "nobody@localhost"


class MailError(click.ClickException):
    """A mail that a command could not send. Commands print it as one sentence."""


def send(
    recipient: str | None, template: str, *, if_refused: bool = False, **context: object
) -> None:
    """Send `app/templates/mail/<template>.txt` with these values.

    In a request the mail goes after a successful response, with `if_refused` after any, and a
    failure is only logged. In a command it goes at once. Without a recipient the same work is done, and nothing is sent.

    :raises MailError: outside of requests, the mail cannot be sent.
    """
    try:
        message = compose(recipient or _NOBODY, template, context)
        if recipient is None:
            return
        if has_request_context():
            outbox.after_response(message, if_refused=if_refused)
        else:
            current_app.extensions["deliver_mail"](message)
    except (OSError, ValueError) as error:
        reason = mail_server.reason(error)
        audit.record(outbox.MAIL_FAILED, reason=reason)
        if not has_request_context():
            sentence = f"The mail was not sent ({reason}): check the address and MAIL_URL."
            raise MailError(sentence) from None


def init_app(app: Flask) -> None:
    if app.config["MAIL_URL"]:
        server, production = mail_server.read(app.config["MAIL_URL"]), app.config["PRODUCTION"]
        deliver = partial(mail_server.deliver, server, production=production)
        outbox.init_app(app, outbox.Outbox(deliver).put)
    else:
        deliver = partial(mailbox.add, app)
        outbox.init_app(app, deliver)
    app.extensions["deliver_mail"] = deliver
