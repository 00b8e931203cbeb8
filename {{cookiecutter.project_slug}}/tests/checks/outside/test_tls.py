"""Versions of TLS that are broken, and the newest one."""

import ssl
import warnings
from pathlib import Path

import pytest

from app.checks.outside.tls import can_speak
from tests.checks.outside.conftest import Ask, Visit, serving, tls


def between(certificate: Path, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> ssl.SSLContext:
    context = tls(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = oldest, newest
    return context


@pytest.mark.skipif(not can_speak(ssl.TLSVersion.TLSv1), reason="needs TLS 1.0 in OpenSSL")
def test_each_old_version_that_is_accepted_is_reported(ask: Ask, certificate: Path) -> None:
    for oldest, found in (
        (ssl.TLSVersion.TLSv1, ["TLS 1.0", "TLS 1.1"]),
        (ssl.TLSVersion.TLSv1_1, ["TLS 1.1"]),
        (ssl.TLSVersion.TLSv1_2, []),
    ):
        with serving(between(certificate, oldest, ssl.TLSVersion.TLSv1_3)) as served:
            messages = ask("outside.old-tls", port=served.port)
        assert messages == [f"The site still accepts {name}." for name in found]


def test_a_site_without_the_newest_version_is_noted(ask: Ask, certificate: Path) -> None:
    with serving(between(certificate, *2 * [ssl.TLSVersion.TLSv1_2])) as served:
        assert len(ask("outside.no-tls-1.3", port=served.port)) == 1


def test_what_this_computer_cannot_ask_is_said_and_no_finding(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.checks.outside.tls.can_speak", lambda version: False)
    found = visit(["outside.old-tls", "outside.old-tls-unchecked"])
    assert [*found] == ["outside.old-tls-unchecked"]
    assert len(found["outside.old-tls-unchecked"]) == 2
