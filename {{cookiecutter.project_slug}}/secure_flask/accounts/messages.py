"""Makes the message of a mail in the outbox: its recipient, its link and its text.

The texts are in app/templates/accounts/mail/, one file of plain text for each kind. Its first line
is the subject. Each kind with a link has a function that looks up the recipient.
Source: RFC 5322; RFC 3834, section 5; Unicode Standard Annex 9, section 2; OWASP ASVS 1.3.11.
"""

import re
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from flask import current_app
from secure_flask.accounts import public_urls
from secure_flask.accounts.outbox import OutgoingMail
from secure_flask.auth.users import user_class
from secure_flask.database import db

# The address of the recipient, the name of the template, and its values.
MailParts = tuple[str, str, dict[str, object]]
# A builder returns None if the mail is for nobody.
Build = Callable[[OutgoingMail], MailParts | None]
BUILDERS: dict[str, Build] = {}
# These begin a line or turn the direction of the text around them. A user chose some values.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def mail_kind(name: str) -> Callable[[Build], Build]:
    """Register the function that makes the mails of a kind."""

    def register(build: Build) -> Build:
        BUILDERS[name] = build
        return build

    return register


def build_message(mail: OutgoingMail) -> EmailMessage | None:
    """The message, or None if it is for nobody. The caller commits the secret of its link."""
    made = BUILDERS.get(mail.kind, _notice_mail)(mail)
    if made is None:
        return None
    address, text, values = made
    values = {
        name: _CONTROLS.sub("?", value) if isinstance(value, str) else value
        for name, value in values.items()
    }
    words = current_app.jinja_env.get_template(f"accounts/mail/{text}.txt").render(
        project_name=current_app.config["PROJECT_NAME"], site=public_urls.public_origin(), **values
    )
    subject, _, body = words.partition("\n")
    message = EmailMessage()
    message["From"] = current_app.config["MAIL_FROM"]
    message["To"] = address
    message["Subject"] = subject.removeprefix("Subject: ")
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=public_urls.public_host())
    # This header suppresses automatic replies.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.lstrip("\n"))
    return message


def _notice_mail(mail: OutgoingMail) -> MailParts | None:
    user = db.session.get(user_class(), mail.user_id) if mail.user_id else None
    name = {"username": user.name} if user else {}
    return mail.email or "", mail.kind, {**name, "number": mail.notices, **mail.arguments}
