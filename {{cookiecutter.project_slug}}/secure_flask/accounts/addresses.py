"""E-mail addresses: one check for what can be written and what can be mailed.

A domain is stored as IDNA writes it, so `straße.de` and `strasse.de` are two. No other check
tells whether an address exists: a mail that arrives does. Source: RFC 5321; RFC 5891.
"""

from secure_flask.auth.users import UserMixin, user_class
from secure_flask.database import db
from secure_flask.web.validation import Reason
from sqlalchemy import select

INVALID_ADDRESS = "Must be an address like ada@example.org"


def checked_address(text: str) -> str:
    """The form in which an address is stored: `Annotated[str, AfterValidator(checked_address)]`.

    The domain is as IDNA writes it: `checked_address("ada@bücher.example")` ends with
    "xn--bcher-kva.example".

    :raises Reason: no mail can be sent there; it is a ValueError with words for people.
    """
    from email_validator import EmailNotValidError, validate_email

    # A mail header would decode it, so another address would get the mail. Source: RFC 2047.
    if "=?" in text:
        raise Reason(INVALID_ADDRESS)
    try:
        found = validate_email(
            text.strip(" "),
            check_deliverability=False,
            strict=True,
            # For a mail server that takes ASCII alone.
            allow_smtputf8=False,
            # `localhost` and `.test` are addresses of development and of tests.
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
