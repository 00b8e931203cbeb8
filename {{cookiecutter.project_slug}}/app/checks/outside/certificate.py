"""The site answers over https, with a certificate that browsers accept for weeks to come.

Source: OWASP ASVS 12.2.2.
"""

import ssl
import time
from collections.abc import Iterable
from logging import ERROR, WARNING

from app.checks.outside.check import outside_check
from app.checks.outside.site import Site

DAY = 24 * 60 * 60  # seconds
# Certificates for 90 days are renewed 30 days before their end, and those for 6 days 2 days.
LEAST_LEFT, LEAST_SHARE = 14 * DAY, 0.2


@outside_check(
    "outside.unreachable",
    ERROR,
    "The site cannot be asked: {}.",
    "Check the address, the DNS, the firewall and whether the proxy listens.",
    even_unreachable=True,
)
def unreachable(site: Site) -> Iterable[str]:
    return [str(site.problem)] if site.problem and not site.problem.certificate else []


@outside_check(
    "outside.certificate",
    ERROR,
    "Browsers refuse the certificate: {}.",
    "Give the proxy a certificate for this name, with the whole chain (nginx: ssl_certificate "
    "fullchain.pem). For an authority of your own set SSL_CERT_FILE.",
    even_unreachable=True,
)
def invalid_certificate(site: Site) -> Iterable[str]:
    return [site.problem.reason] if site.problem and site.problem.certificate else []


@outside_check(
    "outside.certificate-expires",
    WARNING,
    "The certificate is valid for only {} more days.",
    "Look why it was not renewed: `certbot renew`, or the log of Caddy.",
)
def expiring_certificate(site: Site) -> Iterable[str]:
    with site.handshake(site.trusting_authorities) as connection:
        certificate = connection.getpeercert() or {}
    start, end = (
        ssl.cert_time_to_seconds(str(certificate[name])) for name in ("notBefore", "notAfter")
    )
    left = end - time.time()
    return [f"{left / DAY:.1f}"] if left < min(LEAST_LEFT, LEAST_SHARE * (end - start)) else []
