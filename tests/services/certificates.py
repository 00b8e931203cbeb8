"""Certificates that are their own authority, for servers of this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(*names: x509.GeneralName) -> tuple[bytes, bytes]:
    """Make a certificate for these names, valid for a day, and its key, each as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(names[0].value))])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    secret = key.private_bytes(*formats, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM), secret


def write_certificate(certificate: Path, key: Path, *further: str) -> None:
    """Write a certificate for this machine and further hosts, and its key."""
    hosts = map(x509.DNSName, ("localhost", *further))
    made, secret = self_signed(*hosts, x509.IPAddress(ip_address("127.0.0.1")))
    certificate.write_bytes(made)
    key.write_bytes(secret)
