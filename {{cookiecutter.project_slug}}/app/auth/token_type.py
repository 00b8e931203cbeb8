"""What `tokens.py` offers, whichever kind of token it is: the rest of the app asks for no more."""

from typing import TYPE_CHECKING, Any, Protocol

from flask import Flask, Request

from app.auth.grants import Grant, Issued
from app.auth.users import User
from app.setting_types import Environment


class TokenType(Protocol):
    """What a login gives to a client, and how the client shows it."""

    @property
    def NAME(self) -> str:
        """The kind, as the log and the documents name it."""

    @property
    def COOKIE(self) -> bool:
        """Whether browsers attach the login by themselves, so that CORS allows credentials."""

    @property
    def HEADER(self) -> str:
        """The header in which a client sends `token`, the member of a login's answer."""

    @property
    def PREFIX(self) -> str:
        """What stands before the token in that header."""

    @property
    def IDLE(self) -> int | None:
        """Seconds without a request after which a login ends; None where none are too many."""

    @property
    def Issued(self) -> type[Issued]:
        """The model of what `issue` gives, for the OpenAPI document."""

    @property
    def TokenSettings(self) -> type[Environment]:
        """The settings that this kind needs; its `fresh_secrets()` makes those that are secret."""

    def issue(self, user: User) -> dict[str, Any]:
        """Log a user in; the body of the answer, with `token`, `token_type` and `expires_in`."""

    def authenticate(self, request: Request) -> Grant | None:
        """The live login that a request shows, in the one place where it may.

        :raises ErrorResponse: 403, for a write by cookie without its CSRF token.
        """

    def csrf_token(self, request: Request) -> str | None:
        """The CSRF token of the request's login, plain; None where writes need none."""

    def revoke(self, grant: Grant) -> None:
        """End the login at once, and what the client keeps of it."""

    def security_schemes(self, method: str) -> dict[str, Any]:
        """The OpenAPI security schemes, by name, that a request by this method has to meet."""

    def init_app(self, app: Flask) -> None:
        """Set up what this kind needs."""


if TYPE_CHECKING:
    from app.auth import tokens

    # mypy compares the chosen module with the protocol.
    chosen: TokenType = tokens
