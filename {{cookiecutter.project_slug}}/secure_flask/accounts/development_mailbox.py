"""The mails of development, which are stored instead of sent.

They are files in `instance/mails`, so /dev/mailbox also shows the mails of a command or a worker.
An app under test keeps its mails in memory, so that no test sees the mails of another one.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from secrets import token_hex

from flask import current_app
from secure_flask.state import Key, app_state

MAX_SHOWN = 100

TESTED_MAILS = Key[deque[EmailMessage]]("mails of an app under test")


def keep_mail(message: EmailMessage) -> None:
    """Store a mail, and delete the oldest ones beyond MAX_SHOWN."""
    if current_app.testing:
        app_state(current_app).setdefault(TESTED_MAILS, deque(maxlen=MAX_SHOWN)).append(message)
        return
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{time.time_ns()}-{token_hex(4)}.eml").write_bytes(message.as_bytes())
    for old in sorted(folder.glob("*.eml"))[:-MAX_SHOWN]:
        old.unlink(missing_ok=True)


def kept_mails() -> list[EmailMessage]:
    """The last mails, the oldest first."""
    if current_app.testing:
        return list(app_state(current_app).get(TESTED_MAILS) or [])
    return [*_stored_mails()]


def text_of_mail(message: EmailMessage) -> str:
    """The text of a mail, and the names of its attachments: `text_of_mail(message)`."""
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body else ""
    names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    return "\n".join([text, *(f"[{name}]" for name in names)])


def _stored_mails() -> Iterator[EmailMessage]:
    parser = BytesParser(EmailMessage, policy=policy.default)
    for file in sorted(_folder().glob("*.eml")):
        # Another process may delete an old file meanwhile.
        with suppress(FileNotFoundError):
            yield parser.parsebytes(file.read_bytes())


def _folder() -> Path:
    return Path(current_app.instance_path) / "mails"
