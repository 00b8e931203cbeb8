"""Passwords that an operator types for `flask user …` or pipes into it, or that it generates.

No argument takes a password: it would stay in the shell's history. Source: OWASP ASVS 6.4.1.
"""

import secrets
import sys

import click
from flask import current_app
from secure_flask.auth import passwords

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; never make one."
)


def read_password(name: str, from_stdin: bool) -> tuple[str, str]:
    """The password for a user, and a note for the output about one that nobody typed."""
    if sys.stdin.isatty() and not from_stdin:
        return _ask_password(name), ""
    line = sys.stdin.readline()
    if line or from_stdin:
        given = line.rstrip("\r\n")
        _check_password(given, name)
        # The note is a warning: if a script is piped into a shell, the line that is read here as
        # the password is the next line of the script.
        return given, " with the password of standard input"
    generated = secrets.token_urlsafe(18)
    return generated, f" with password {generated}"


def _ask_password(name: str) -> str:
    """Ask on the terminal until the password can be used."""
    while True:
        prompt = f"Password ({current_app.config['PASSWORD_MIN_LENGTH']} characters or more)"
        given = str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))
        try:
            _check_password(given, name)
            return given
        except click.ClickException as refused:
            refused.show()


def _check_password(given: str, name: str) -> None:
    if problem := passwords.why_password_refused(given, name):
        raise click.ClickException(f"{problem}.")
