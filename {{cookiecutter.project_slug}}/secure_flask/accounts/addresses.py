"""E-mail addresses: one check for what can be written and what can be mailed.

A domain is stored as IDNA encodes it, so `straße.de` and `strasse.de` are two domains. The check
does not ask whether an address exists: a mail that arrives shows that.

All spellings of an address that reach one mailbox share its limits and its lock. Many servers ignore
dots before the `@`, and all that follows a `+`. If each spelling had limits of its own, an attacker
could fill one mailbox. On other servers, two people may share a limit.
Source: RFC 5233; RFC 5321; RFC 5891; OWASP ASVS 2.4.1.
"""

import hmac

from flask import current_app
from secure_flask.accounts.steps import Step
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.crypto.blind_indexes import normalised_value
from secure_flask.database import db
from secure_flask.web.validation import Reason
from sqlalchemy import delete, false, func, select

INVALID_ADDRESS = "Must be an address like ada@example.org"


def checked_address(text: str) -> str:
    """The form in which an address is stored: `Annotated[str, AfterValidator(checked_address)]`.

    The domain is as IDNA encodes it: `checked_address("ada@bücher.example")` ends with
    "xn--bcher-kva.example".

    :raises Reason: no mail can be sent there. Reason is a ValueError whose message people see.
    """
    from email_validator import EmailNotValidError, validate_email

    # A mail header would decode `=?…?=`, so another address would get the mail. Source: RFC 2047.
    if "=?" in text:
        raise Reason(INVALID_ADDRESS)
    try:
        found = validate_email(
            text.strip(" "),
            check_deliverability=False,
            strict=True,
            # Not every mail server takes addresses with other characters than ASCII.
            allow_smtputf8=False,
            # This allows names that end with `.test`, which development and tests use.
            test_environment=True,
        )
    except EmailNotValidError:
        raise Reason(INVALID_ADDRESS) from None
    return f"{found.local_part}@{found.ascii_domain}"


def address_owner(address: str) -> UserMixin | None:
    """The user with this address, in any spelling of upper and lower case."""
    user = user_class()
    mine = user.email == address  # type: ignore[attr-defined]
    return db.session.scalar(select(user).where(mine))


def mailbox_hash(address: str) -> bytes:
    """The keyed hash of a mailbox (32 bytes), the same for all spellings of its address."""
    name, _, domain = normalised_value(address).rpartition("@")
    mailbox = f"{name.partition('+')[0].replace('.', '')}@{domain}"
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"mailbox:" + mailbox.encode(), "sha256")


def lock_mailbox(address: str) -> None:
    """Make other requests for this mailbox wait until the caller's transaction ends.

    Call this before any row is locked, so that two requests never wait for each other.
    """
    if db.engine.dialect.name == "postgresql":
        number = int.from_bytes(mailbox_hash(address)[:8], "big", signed=True)
        db.session.execute(select(func.pg_advisory_xact_lock(number)))
    else:
        # SQLite has one writer at a time. A DELETE becomes the writer even if it deletes no row.
        db.session.execute(delete(Step).where(false()))
