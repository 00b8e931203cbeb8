"""E-mail addresses: one check for what can be written and what can be mailed.

A domain is stored as IDNA encodes it, so `straße.de` and `strasse.de` are two domains. The check
does not ask whether an address exists: a mail that arrives shows that. Source: RFC 5321; RFC 5891.
"""

from secure_flask.auth.users import UserMixin, user_class
from secure_flask.database import db
from secure_flask.web.validation import Reason
from sqlalchemy import select

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
