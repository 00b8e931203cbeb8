"""Composes and sends the mails of accounts, from the texts in app/templates/mail.

Values in a text may come from strangers. They cannot add a header, a recipient, a line or
markup. A mail for nobody is composed too, so that time does not show whether an account
exists. Source: OWASP ASVS 1.2.1, 1.3.11, 6.3.8; RFC 5322; RFC 3834.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from functools import partial

import click
from flask import Flask, current_app, has_request_context

from app.accounts import mail_server, mailbox, outbox
from app.accounts.public_urls import origin
from app.auth import clients
from app.security import audit

_NOBODY = "nobody@localhost"
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*")


class MailError(click.ClickException):
    """A mail that a command could not send. Commands print it as one sentence."""


def send(recipient: str | None, template: str, **context: object) -> None:
    """Send `app/templates/mail/<template>.txt`, whose first line is the subject.

    In a request the mail goes after a successful response, and a failure is only logged. In a
    command it goes at once. Without a recipient the same work is done, and nothing is sent.

    :raises MailError: outside of requests, the mail cannot be sent.
    """
    try:
        message = _compose(recipient or _NOBODY, template, context)
    except ValueError:
        _fail("the address is invalid")
        return
    if recipient is None:
        return
    if has_request_context():
        outbox.after_response(message)
        return
    try:
        current_app.extensions["deliver_mail"](message)
    except (OSError, ValueError) as error:
        _fail(mail_server.reason(error))


def init_app(app: Flask) -> None:
    if app.config["MAIL_URL"]:
        server, production = mail_server.read(app.config["MAIL_URL"]), app.config["PRODUCTION"]
        deliver = partial(mail_server.deliver, server, production=production)
        outbox.init_app(app, outbox.Outbox(deliver).put)
    else:
        deliver = partial(mailbox.add, app)
        outbox.init_app(app, deliver)
    app.extensions["deliver_mail"] = deliver


def _fail(reason: str) -> None:
    audit.record(outbox.MAIL_FAILED, reason=reason)
    if not has_request_context():
        raise MailError(f"The mail was not sent ({reason}): check the address and MAIL_URL.")


def _compose(recipient: str, template: str, context: Mapping[str, object]) -> EmailMessage:
    """The message as text and HTML.

    :raises ValueError: the recipient is no address.
    """
    message = EmailMessage(policy=SMTP)
    subject, *paragraphs = _paragraphs(template, context)
    message["From"] = current_app.config["MAIL_FROM"]
    message["To"] = _address(recipient)
    message["Subject"] = subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=message["From"].addresses[0].domain)
    # No automatic reply comes back. Source: RFC 3834, section 5.
    message["Auto-Submitted"] = "auto-generated"
    page = _render("_layout.html", {**context, "subject": subject, "paragraphs": paragraphs})
    # Not every server takes 8-bit lines.
    message.set_content("\n\n".join(paragraphs) + "\n", cte="quoted-printable")
    message.add_alternative(page, subtype="html", cte="quoted-printable")
    return message


def _paragraphs(template: str, context: Mapping[str, object]) -> list[str]:
    """The subject and the paragraphs of a text."""
    # In one line each, so that no value becomes a subject or a paragraph of its own.
    values = {
        name: " ".join(value.split()) if isinstance(value, str) else value
        for name, value in context.items()
    }
    return re.split(r"\s*\n\s*\n\s*", _render(f"{template}.txt", values).strip())


def _render(name: str, context: Mapping[str, object]) -> str:
    """Render without context processors, which need a request and may query the database."""
    return current_app.jinja_env.get_template(f"mail/{name}").render(
        project_name=current_app.config["PROJECT_NAME"],
        contact=current_app.config["SECURITY_CONTACT"],
        site=origin(),
        when=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        client=clients.describe() or "a command of the operator",
        **context,
    )


def _address(text: str) -> Address:
    """The recipient for the header, quoted where needed.

    :raises ValueError: it has no domain, or one that could be read as a second recipient.
    """
    name, _, domain = text.rpartition("@")
    if not name or not text.isprintable() or not _DOMAIN.fullmatch(domain):
        raise ValueError("no address")
    return Address(username=name, domain=domain)
