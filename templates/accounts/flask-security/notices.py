"""Mails that tell users what happened to their account, so that they notice an attack.

Source: OWASP ASVS 6.3.5, 6.3.7.
"""

import click

from app.accounts.mail import mail
from app.accounts.mail.mail import MailError
from app.auth.users import User


def send(user: User, template: str, *, if_refused: bool = False, **context: object) -> None:
    """Mail a notice to a user who has an address, with `if_refused` also where the request fails.

    What it tells stands, even if the mail fails.
    """
    if not user.email:
        return
    try:
        mail.send(user.email, template, if_refused=if_refused, username=user.name, **context)
    except MailError as error:
        # A command: an operator locks an attacker out while the mail server is away, too.
        click.echo(f"Warning: {error.message}", err=True)
