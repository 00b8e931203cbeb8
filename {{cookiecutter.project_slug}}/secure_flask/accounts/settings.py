"""What accounts need from the environment and the policy, and the links that PUBLIC_URL makes.

app/settings.py has `class Settings(AccountSettings)`. A link in a mail begins with PUBLIC_URL, never
with the Host header of a request. An attacker who asks for a mail to somebody else chooses that
header, and the link would lead to the attacker's host. Source: OWASP ASVS 6.4.3, 12.2.1, 12.3.1;
OWASP Forgot Password Cheat Sheet.
"""

import os
import re
from email.message import EmailMessage
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from flask import current_app
from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from secure_flask.auth.users import ROLE_RULE, is_role
from secure_flask.policy import Policy
from secure_flask.policy_types import Listed
from secure_flask.settings import Settings
from secure_flask.settings.types import in_production
from secure_flask.web import origins

FORM = "smtps://user:password@mail.example.org, or smtp:// for STARTTLS"
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
# The sender is ASCII, since not every mail server accepts another one.
_SENDER = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*", re.ASCII)


def _role(name: str) -> str:
    if not is_role(name):
        raise ValueError(f"write the name of a role, {ROLE_RULE}")
    return name


class AccountPolicy(Policy):
    """The policy of a project with accounts."""

    # Whether strangers may register.
    REGISTRATION: bool = True
    # Names by which a user could pass for somebody who runs the site.
    RESERVED_NAMES: Listed[str] = Field(
        ["admin", "administrator", "postmaster", "root", "security", "support"]
    )
    # Whether a user gets a mail after a login from a new place.
    NEW_LOGIN_NOTICE: bool = True
    # Users with one of these roles log in with a second factor.
    SECOND_FACTOR_ROLES: Listed[Annotated[str, AfterValidator(_role)]] = Field([])
    # The endpoint where a browser enters the second factor.
    SECOND_FACTOR_PAGE: str = "self_service.second_factor_page"


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


def public_origin() -> str:
    """PUBLIC_URL, which production demands, or else the address of `make run`."""
    served = f"http://localhost:{os.environ.get('FLASK_RUN_PORT', 8000)}"
    return current_app.config["PUBLIC_URL"] or served


def public_host() -> str:
    """The host of the site, to which passkeys belong."""
    return urlsplit(public_origin()).hostname or ""


def public_link(endpoint: str, **values: object) -> str:
    """The absolute address of a view, also outside of requests, for mails.

    `public_link("pages.index")`; `values` are the parameters of its address.

    :raises werkzeug.routing.BuildError: there is no such view, or a parameter is missing.
    """
    root = current_app.config["APPLICATION_ROOT"].rstrip("/")
    # Outside of requests, url_for needs SERVER_NAME.
    return public_origin() + current_app.url_map.bind("", script_name=root).build(endpoint, values)


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
