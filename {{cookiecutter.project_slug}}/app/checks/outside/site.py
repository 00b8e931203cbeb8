"""The deployed site, asked over http and https, under its own name or another.

A proxy in front adds, changes and answers what no check inside the app can see.
Source: OWASP ASVS 13.4.2.
"""

import socket
import ssl
from collections.abc import Mapping
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import Client, TestResponse

from app.checks.outside.no_answer import TIMEOUT, NoAnswer
from app.checks.outside.transport import Answer, exchange


class Site:
    """The site at an origin, `https://host` or `https://host:port`, and the app it should serve."""

    def __init__(self, app: Flask, origin: str, http_port: int = 80) -> None:
        parts = urlsplit(origin)
        self.app, self.origin, self.host = app, origin, parts.hostname or ""
        self.ports = {"https": parts.port or 443, "http": http_port}
        self._answers: dict[tuple[str, str], Answer] = {}
        self._own: dict[str, TestResponse] = {}

    @property
    def names(self) -> set[str]:
        """The host names of the site."""
        return {self.host, *self.app.extensions["trusted_hosts"]}

    @cached_property
    def problem(self) -> NoAnswer | None:
        """Why the site cannot be asked at all."""
        try:
            self.get("/")
        except NoAnswer as error:
            return error
        return None

    @cached_property
    def trusting_authorities(self) -> ssl.SSLContext:
        """TLS as browsers speak it: a certificate that is not valid is refused."""
        return ssl.create_default_context()

    def own(self, path: str) -> TestResponse:
        """The response of the app itself to a plain GET, without a proxy."""
        if path not in self._own:
            trusted = self.app.extensions["trusted_hosts"]
            base_url = self.origin if self.host in trusted else f"https://{min(trusted)}"
            self._own[path] = Client(self.app).get(path, base_url=base_url, buffered=True)
        return self._own[path]

    def get(self, path: str, scheme: str = "https") -> Answer:
        """The site's response to a plain GET, which is sent once.

        :raises NoAnswer: there is none.
        """
        if (scheme, path) not in self._answers:
            self._answers[scheme, path] = self.ask("GET", path, {}, scheme=scheme)
        return self._answers[scheme, path]

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        scheme: str = "https",
    ) -> Answer:
        """Send a request and read the response; a `Host` in `headers` replaces the site's own.

        :raises NoAnswer: there is none.
        """
        try:
            return exchange(self._connection(scheme), method, path, headers, body)
        except (OSError, HTTPException) as error:
            place = f"{scheme}://{self.host}:{self.ports[scheme]}{path[:40]}"
            raise NoAnswer(f"{method} {place}", error) from None

    def handshake(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """An open TLS connection, for the caller to close."""
        plain = socket.create_connection((self.host, self.ports["https"]), TIMEOUT)
        try:
            return context.wrap_socket(plain, server_hostname=self.host)
        except OSError:
            plain.close()
            raise

    def _connection(self, scheme: str) -> HTTPConnection:
        port = self.ports[scheme]
        if scheme == "http":
            return HTTPConnection(self.host, port, timeout=TIMEOUT)
        return HTTPSConnection(self.host, port, timeout=TIMEOUT, context=self.trusting_authorities)
