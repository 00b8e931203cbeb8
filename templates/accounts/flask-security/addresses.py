"""E-mail addresses in requests, and the one response of all routes that mail a link.

Source: OWASP ASVS 6.3.8; RFC 5321, section 4.5.3.
"""

from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import select

from app.auth import users
from app.auth.users import User
from app.db import db
from app.security.responses import ResponseBody
from app.security.validation import Body, PlainText, Reason

MAX_LENGTH = 254  # characters
# The same words whether or not the address is known.
SENT = {"message": "If that address can be used here, a mail with the next step is on its way"}


def well_formed(address: str) -> str:
    if not users.EMAIL.fullmatch(address):
        raise Reason("Must be an address like ada@example.org")
    return address


Address = Annotated[PlainText, Field(max_length=MAX_LENGTH), AfterValidator(well_formed)]


class AddressOnly(Body):
    email: Address


class Sent(ResponseBody):
    message: str


def find(address: str) -> User | None:
    """The user with this address, in any spelling."""
    return db.session.scalar(select(User).where(User.email == address))
