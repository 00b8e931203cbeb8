"""What identifies a user besides the name: an e-mail address, and further factors.

The address and the secret of the authenticator app are stored encrypted. Flask-Security
reads the other names. Source: OWASP ASVS 6.5.2, 11.3.3.
"""

from typing import Any

from flask import current_app
from flask_security import UserMixin
from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from app.auth.factors import Passkey, RecoveryCode
from app.crypto import encrypted_column


class Identity(UserMixin):
    """The columns of `User` that depend on how people prove who they are."""

    email = encrypted_column(unique=True)
    # The secret of the authenticator app. Each code counts once, as tf_last_counter shows.
    tf_totp_secret = encrypted_column()
    tf_last_counter: Mapped[int | None] = mapped_column(BigInteger)
    # By the present password or by an operator, not by a mailed link: see second_factor_limits.py.
    password_changes: Mapped[int] = mapped_column(default=0, server_default="0")
    # No message by SMS is ever sent.
    tf_phone_number = None

    @declared_attr
    @classmethod
    def webauthn(cls) -> Mapped[list[Passkey]]:
        return relationship(cascade="all, delete-orphan", passive_deletes=True)

    @declared_attr
    @classmethod
    def recovery_codes(cls) -> Mapped[list[RecoveryCode]]:
        return relationship(cascade="all, delete-orphan", passive_deletes=True)

    @property
    def fs_uniquifier(self: Any) -> str:
        return str(self.id)

    @property
    def fs_webauthn_user_handle(self: Any) -> str:
        # Random, as WebAuthn requires: it says nothing about the user.
        return str(self.id)

    @property
    def active(self: Any) -> bool:
        return not self.disabled

    @property
    def username(self: Any) -> str:
        return str(self.name)

    @property
    def tf_primary_method(self) -> str | None:
        return "authenticator" if self.tf_totp_secret else None

    @tf_primary_method.setter
    def tf_primary_method(self, method: str | None) -> None:
        """Nothing to store: there is one method, and its secret says whether it is on."""

    def is_locked(self: Any, form_error: list[str] | None = None) -> bool:
        # The library only notes that the user of a passkey is disabled, and goes on.
        return bool(self.disabled)

    def calc_username(self) -> str:
        return self.username

    def has_second_factor(self) -> bool:
        """Whether a password alone does not log this user in."""
        usages = {passkey.usage for passkey in self.webauthn}
        return bool(self.tf_totp_secret) or "secondary" in usages

    def check_tf_required_setup(self: Any) -> bool:
        """Whether a role of this user demands a second factor, by SECOND_FACTOR_ROLES."""
        demanded = set(current_app.config["SECOND_FACTOR_ROLES"])
        return not demanded.isdisjoint(role.name for role in self.roles)

    def check_tf_required(self, methods: list[Any], recent: bool) -> tuple[bool, list[Any]]:
        return bool(methods) or self.check_tf_required_setup(), methods
