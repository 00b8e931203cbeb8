"""`/dev/mailbox`: shows the mails that development does not send. Production has no such page.

Without MAIL_URL, the last mails stay in the memory of this process. Their HTML is shown in a
sandbox, where it runs no script. Source: OWASP ASVS 13.4.2.
"""

from base64 import b64encode
from collections import deque
from email.message import EmailMessage
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import NamedTuple

import click
from flask import Blueprint, Flask, Response, abort, current_app, render_template

from app.accounts.mail import outbox
from app.accounts.public_urls import link
from app.auth.access import public
from app.security.csp import csp
from app.security.csp_syntax import SELF
from app.security.responses import responds

MAX_MAILS = 100

# The sandboxed HTML is under the policy of this page, which has to allow its style sheet.
_STYLE = (Path(__file__).parents[2] / "templates/mail/_style.css").read_text("utf-8")
_HASH = f"'sha256-{b64encode(sha256(_STYLE.strip().encode()).digest()).decode()}'"

blueprint = Blueprint("mailbox", __name__)


class Mail(NamedTuple):
    number: int
    message: EmailMessage
    text: str
    page: str


class Mailbox:
    def __init__(self) -> None:
        self.mails: deque[Mail] = deque(maxlen=MAX_MAILS)
        self.numbers = count(1)
        self.announced = False


def add(app: Flask, message: EmailMessage) -> None:
    """Keep a message; a command prints it too, since its memory ends with it."""
    text, page = (_content(message, kind) for kind in ("plain", "html"))
    box: Mailbox = app.extensions["mailbox"]
    box.mails.append(Mail(next(box.numbers), message, text, page))
    if click.get_current_context(silent=True):
        click.echo(f"Mail to {message['To']}: {message['Subject']}\n\n{text}")


def messages(app: Flask) -> list[EmailMessage]:
    """The kept messages, oldest first."""
    return [mail.message for mail in app.extensions["mailbox"].mails]


@blueprint.get("/dev/mailbox")
@responds("text/html")
@public
def show_all() -> str:
    return render_template("mailbox.html", mails=[*reversed(_mails())])


@blueprint.get("/dev/mailbox/<int:number>")
@responds("text/html")
@public
@csp(style_src=[SELF, _HASH])
def show(number: int) -> str:
    found = next((mail for mail in _mails() if mail.number == number), None)
    return render_template("mailbox_mail.html", mail=found or abort(404))


def init_app(app: Flask) -> None:
    if not app.config["PRODUCTION"] and not app.config["MAIL_URL"]:
        app.extensions["mailbox"] = Mailbox()
        app.register_blueprint(blueprint)
        app.after_request(_announce)


def _announce(response: Response) -> Response:
    """Log the address of the mailbox, once."""
    box: Mailbox = current_app.extensions["mailbox"]
    if outbox.is_waiting() and not box.announced:
        box.announced = True
        address = link("mailbox.show_all")
        current_app.logger.info("MAIL_URL is unset, so mails are shown at %s", address)
    return response


def _mails() -> list[Mail]:
    return list(current_app.extensions["mailbox"].mails)


def _content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""
