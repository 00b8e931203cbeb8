"""The interface of `tokens.py`, the same for each token type; the app uses nothing else of it."""

from typing import TYPE_CHECKING, Any, Protocol

from flask import Flask, Request

from app.auth.grants import Grant, Issued
from app.auth.users import User
from app.setting_types import Environment


class TokenType(Protocol):
    """The credential that a login issues, and how a client sends it."""

    @property
    def NAME(self) -> str:
        """The name of the token type in the log and the documentation."""

    @property
    def COOKIE(self) -> bool:
        """Whether the credential is a cookie, so that CORS must allow credentials."""

    @property
    def LOGIN_PAGE(self) -> str | None:
        """The endpoint of the login page; None where pages carry no login."""

    @property
    def REAUTHENTICATION_PAGE(self) -> str | None:
        """The endpoint of the page that asks for the password again; None like LOGIN_PAGE."""

    @property
    def HEADER(self) -> str:
        """The request header for `token`, a member of the login response."""

    @property
    def PREFIX(self) -> str:
        """The text before the token in that header."""

    @property
    def IDLE(self) -> int | None:
        """The idle timeout of a login in seconds; None for no timeout."""

    @property
    def Issued(self) -> type[Issued]:
        """The model of the body that `issue` returns, for the OpenAPI document."""

    @property
    def TokenSettings(self) -> type[Environment]:
        """The settings of this token type; `fresh_secrets()` generates the secret ones."""

    def issue(self, user: User, *, replaces: str = "") -> dict[str, Any]:
        """Log a user in; return the response body: `token`, `token_type` and `expires_in`.

        The login whose family is `replaces` ends.
        """

    def authenticate(self, request: Request) -> Grant | None:
        """The live login of a request, from the only place that may hold its credential.

        :raises ErrorResponse: 403, for a write by cookie without its CSRF token.
        """

    def find_login(self, request: Request) -> Grant | None:
        """The live login of a request, for pages: without the check of its CSRF token."""

    def csrf_token(self, request: Request, *, masked: bool = False) -> str | None:
        """The CSRF token of the request's login; None where writes need none.

        Pages get it masked, differently each time.
        """

    def revoke(self, grant: Grant) -> None:
        """End the login immediately, and expire its cookie if it has one."""

    def security_schemes(self, method: str) -> dict[str, Any]:
        """The OpenAPI security schemes, by name, that a request with this method requires."""

    def init_app(self, app: Flask) -> None:
        """Set up this token type."""


if TYPE_CHECKING:
    from app.auth import tokens

    # mypy compares the chosen module with the protocol.
    chosen: TokenType = tokens
