"""A site that nobody reaches, and certificates that browsers refuse, or soon will."""

from pathlib import Path

import pytest

from tests.checks.outside.conftest import NAME, Ask, serving, tls, write_certificate


def test_a_site_where_nothing_listens_is_reported(ask: Ask, closed_port: int) -> None:
    [message] = ask("outside.unreachable", port=closed_port)
    assert f"GET https://{NAME}:{closed_port}/: the connection is refused" in message
    assert ask("outside.certificate", port=closed_port) == []


def test_a_certificate_of_an_unknown_authority_is_reported(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(write_certificate(tmp_path)))
    [message] = ask("outside.certificate")
    assert "self-signed certificate" in message
    assert ask("outside.unreachable") == ask("outside.header-missing") == []


def test_a_certificate_for_another_name_is_reported(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = write_certificate(tmp_path, "www.other.test")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with serving(tls(other)) as served:
        [message] = ask("outside.certificate", port=served.port)
    assert NAME in message


def test_a_certificate_that_is_not_renewed_is_reported(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for days, lifetime, found in ((13.9, 90, 1), (14.1, 90, 0), (1.1, 6, 1), (1.3, 6, 0)):
        with subtests.test(days=days, lifetime=lifetime):
            certificate = write_certificate(tmp_path, days=days, lifetime=lifetime)
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            with serving(tls(certificate)) as served:
                assert len(ask("outside.certificate-expires", port=served.port)) == found
