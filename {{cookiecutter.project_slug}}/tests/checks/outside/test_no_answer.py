"""The words for each way in which a site does not answer."""

import socket
import ssl
from http.client import BadStatusLine, RemoteDisconnected

from app.checks.outside.no_answer import explain


def test_each_reason_has_its_words() -> None:
    for error, words in (
        (socket.gaierror(-2, "Name or service not known"), "not found in the DNS"),
        (ConnectionRefusedError(), "refused"),
        (RemoteDisconnected(""), "closed without an answer"),
        (TimeoutError(), "no whole answer in time"),
        (BadStatusLine("SSH-2.0"), "does not speak HTTP"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version"), "TLS fails"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
    ):
        assert words in explain(error)
