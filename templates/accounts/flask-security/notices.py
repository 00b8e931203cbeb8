"""Mails that tell users what happened to their account, so that they notice an attack.

Source: OWASP ASVS 6.3.5, 6.3.7.
"""

from app.accounts import mail
from app.auth.users import User


def send(user: User, template: str, **context: object) -> None:
    """Mail a notice to a user who has an address."""
    if user.email:
        mail.send(user.email, template, username=user.name, **context)
