"""Composes the mails of accounts from the texts in app/templates/mail.

Values in a text may come from strangers. They cannot add a header, a recipient, a line or
markup. The HTML is made from the paragraphs of the text, so both say the same.
Source: OWASP ASVS 1.2.1, 1.3.11; RFC 5322; RFC 3834.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

from flask import current_app

from app.accounts.public_urls import origin
from app.auth import clients

_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_ENCODED_WORD = "=?"  # how it begins


class InvalidRecipient(ValueError):
    """A recipient that is no address, or could be read as several."""


def compose(recipient: str, template: str, context: Mapping[str, object]) -> EmailMessage:
    """The message as text and HTML. The first paragraph of the text is the subject.

    :raises InvalidRecipient: the recipient is no address.
    """
    # In one line each, so that no value becomes a subject or a paragraph of its own.
    values = {
        name: " ".join(value.split()) if isinstance(value, str) else value
        for name, value in context.items()
    }
    subject, *paragraphs = re.split(r"\n\s*\n", _render(f"{template}.txt", values).strip())
    message = _with_headers(_address(recipient), subject)
    # Not every server takes 8-bit lines.
    message.set_content("\n\n".join(paragraphs) + "\n", cte="quoted-printable")
    page = _render("_layout.html", {**values, "subject": subject, "paragraphs": paragraphs})
    message.add_alternative(page, subtype="html", cte="quoted-printable")
    return message


def _with_headers(recipient: Address, subject: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = current_app.config["MAIL_FROM"]
    message["To"] = recipient
    message["Subject"] = " ".join(subject.split())
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = make_msgid(domain=message["From"].addresses[0].domain)
    # No automatic reply comes back. Source: RFC 3834, section 5.
    message["Auto-Submitted"] = "auto-generated"
    return message


def _render(name: str, context: Mapping[str, object]) -> str:
    """Render without context processors, which need a request and may query the database."""
    shared = {
        "project_name": current_app.config["PROJECT_NAME"],
        "contact": current_app.config["SECURITY_CONTACT"],
        "site": origin(),
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "client": clients.describe() or "a command of the operator",
    }
    return current_app.jinja_env.get_template(f"mail/{name}").render(shared | dict(context))


def _address(text: str) -> Address:
    name, _, domain = text.rpartition("@")
    if not name or not text.isprintable() or not _DOMAIN.fullmatch(domain):
        raise InvalidRecipient
    # Python decodes these in an address, line breaks included. Source: RFC 2047, section 5.
    if _ENCODED_WORD in name:
        raise InvalidRecipient
    # It quotes a name that could be read as several addresses.
    return Address(username=name, domain=domain)
