"""The settings of accounts: the address in mailed links, the mail server and the sender.

A link made from the Host header of a request would lead the reader of a mail, and the secret
in the link, to a host that an attacker chose. So links are made from PUBLIC_URL.
Source: OWASP ASVS 12.2.1, 12.3.1; OWASP Forgot Password Cheat Sheet.
"""

import re
from email.message import EmailMessage
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationInfo, field_validator

from app.accounts.mail import mail_server
from app.security import origins
from app.setting_types import Environment, in_production

# ASCII, since not every mail server accepts another sender.
_SENDER = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*", re.ASCII)


class AccountSettings(Environment):
    """Where the site is, and how it sends mail."""

    public_url: str = ""
    mail_url: SecretStr = SecretStr("")
    mail_from: str = ""

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
        # Without valid TRUSTED_HOSTS, those are reported.
        trusted = info.data.get("trusted_hosts")
        if trusted is not None and _host(url) not in trusted:
            raise ValueError("must name a host of TRUSTED_HOSTS: change one of the two")
        return url

    @field_validator("mail_url")
    @classmethod
    def _usable_server(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        text = url.get_secret_value()
        if not text and in_production(info):
            raise ValueError(f"is missing: write {mail_server.FORM}")
        if text:
            mail_server.read(text)
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


def _host(url: str) -> str:
    """The host as TRUSTED_HOSTS lists it, an IPv6 address in brackets."""
    return re.sub(r":[0-9]+\Z", "", urlsplit(url).netloc)


def _is_sender(text: str) -> bool:
    if not text.isprintable():
        return False
    message = EmailMessage()
    message["From"] = text
    sender = message["From"]
    addresses = [each.addr_spec for each in sender.addresses]
    return not sender.defects and len(addresses) == 1 and bool(_SENDER.fullmatch(addresses[0]))
