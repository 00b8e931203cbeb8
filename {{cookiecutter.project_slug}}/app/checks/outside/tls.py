"""The site speaks TLS 1.3 or 1.2 and nothing older: TLS 1.0 and 1.1 are broken.

Source: RFC 8996; OWASP ASVS 12.1.1.
"""

import ssl
import warnings
from collections.abc import Iterable
from contextlib import suppress
from logging import ERROR, INFO
from ssl import TLSVersion

from app.checks.outside.check import outside_check
from app.checks.outside.no_answer import NoAnswer
from app.checks.outside.site import Site

OLD = {"TLS 1.0": TLSVersion.TLSv1, "TLS 1.1": TLSVersion.TLSv1_1}


@outside_check(
    "outside.old-tls",
    ERROR,
    "The site still accepts {}.",
    "nginx: ssl_protocols TLSv1.2 TLSv1.3; Caddy needs no line: it starts at TLS 1.2.",
)
def old_versions(site: Site) -> Iterable[str]:
    return [name for name, each in OLD.items() if can_speak(each) and _accepts(site, each)]


@outside_check(
    "outside.old-tls-unchecked",
    INFO,
    "Whether the site still accepts {} is unknown: OpenSSL on this computer does not speak it.",
    "Run the check on another computer too.",
)
def unknown_versions(site: Site) -> Iterable[str]:
    return [name for name, version in OLD.items() if not can_speak(version)]


@outside_check(
    "outside.no-tls-1.3",
    INFO,
    "The site does not accept TLS 1.3{}.",
    "nginx: ssl_protocols TLSv1.2 TLSv1.3; Caddy: remove the line `protocols tls1.2`.",
)
def no_newest_version(site: Site) -> Iterable[str]:
    return [] if _accepts(site, TLSVersion.TLSv1_3) else [""]


def can_speak(version: TLSVersion) -> bool:
    """Whether OpenSSL on this computer begins a handshake in this version."""
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLError, ValueError):
        _only(version).wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    return sent.pending > 0


def _accepts(site: Site, version: TLSVersion) -> bool:
    try:
        site.handshake(_only(version)).close()
    except (ssl.SSLError, ConnectionError):
        return False
    except OSError as error:
        raise NoAnswer(f"{version.name} at {site.host}", error) from None
    return True


def _only(version: TLSVersion) -> ssl.SSLContext:
    # The certificate has its own check, and nothing is sent over this connection.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # OpenSSL refuses to speak the old versions at a higher level.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context
