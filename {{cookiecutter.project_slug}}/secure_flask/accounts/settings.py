"""What accounts need from the environment: the address of the site, the mail server, the sender.

app/settings.py has `class Settings(AccountSettings)`. Source: OWASP ASVS 12.2.1, 12.3.1; OWASP
Forgot Password Cheat Sheet.
"""

import re
from email.message import EmailMessage
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from secure_flask.accounts.policy import AccountPolicy
from secure_flask.policy import Policy
from secure_flask.settings import Settings
from secure_flask.settings.types import in_production
from secure_flask.web import origins

FORM = "smtps://user:password@mail.example.org, or smtp:// for STARTTLS"
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
# The sender is ASCII, since not every mail server accepts another one.
_SENDER = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*", re.ASCII)


class AccountSettings(Settings):
    """Where the site is, and how it sends mail: `class Settings(AccountSettings)`.

    `public_url` is like "https://www.example.org", `mail_url` like "smtps://user:password@host".
    `mail_from` is the sender, and `mails_per_hour` the most mails of the site in an hour.
    """

    policy: ClassVar[type[Policy]] = AccountPolicy

    public_url: str = ""
    mail_url: SecretStr = SecretStr("")
    mail_from: str = ""
    mails_per_hour: int = Field(1000, ge=10)

    @field_validator("public_url")
    @classmethod
    def _own_origin(cls, url: str, info: ValidationInfo) -> str:
        if not url and not in_production(info):
            return url
        if not url:
            raise ValueError("is missing: set it to this site's address: https://www.example.org")
        if in_production(info) and not url.startswith("https://"):
            raise ValueError("must begin with https://, as in https://www.example.org")
        # Development may use http for any trusted host.
        if not origins.is_origin(url) and not origins.is_origin(url.replace("http:", "https:", 1)):
            raise ValueError("must be scheme://host in lower case, without a path or a final slash")
        # If TRUSTED_HOSTS is invalid, that error is reported instead.
        trusted = info.data.get("trusted_hosts")
        if trusted is not None and re.sub(r":[0-9]+\Z", "", urlsplit(url).netloc) not in trusted:
            raise ValueError("must name a host of TRUSTED_HOSTS: change one of the two")
        return url

    @field_validator("mail_url")
    @classmethod
    def _usable_server(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        text = url.get_secret_value()
        if not text and in_production(info):
            raise ValueError(f"is missing: write {FORM}")
        if text and not _is_server(text):
            raise ValueError(f"must be {FORM}; write %40 for @ and %2F for / in the password")
        return url

    @field_validator("mail_from")
    @classmethod
    def _one_address(cls, sender: str, info: ValidationInfo) -> str:
        if not sender and in_production(info):
            raise ValueError("is missing: set it to the sender of mails: no-reply@www.example.org")
        sender = sender or "no-reply@localhost"
        if not _is_sender(sender):
            raise ValueError("must be one address, or a name and an address: Name <me@example.org>")
        return sender


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        rest = (parts.path, parts.query, parts.fragment, parts.port == 0)
    except ValueError:
        return False
    both = bool(parts.username) == bool(parts.password)
    # urlsplit drops control characters, and smtplib encodes user and password in ASCII.
    is_plain = url.isascii() and url.isprintable() and parts.scheme in ("smtp", "smtps")
    return is_plain and both and not any(rest) and bool(_HOST.fullmatch(parts.hostname or ""))


def _is_sender(text: str) -> bool:
    if not text.isprintable():
        return False
    message = EmailMessage()
    message["From"] = text
    sender = message["From"]
    addresses = [each.addr_spec for each in sender.addresses]
    return not sender.defects and len(addresses) == 1 and bool(_SENDER.fullmatch(addresses[0]))
