"""`/.well-known/security.txt` reaches researchers, has a contact and is not expired.

Source: RFC 9116.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from logging import WARNING

from app.checks.outside.check import outside_check
from app.checks.outside.site import Site

PATH = "/.well-known/security.txt"
FIELD = re.compile(r"^([\w-]+): *(\S+)", re.MULTILINE)


@outside_check(
    "outside.security-txt",
    WARNING,
    "/.well-known/security.txt {}.",
    "Let the proxy pass /.well-known/security.txt on to the app, which writes it again each time. "
    "A proxy that gets certificates needs only /.well-known/acme-challenge/.",
)
def unusable_security_txt(site: Site) -> Iterable[str]:
    answer = site.get(PATH)
    if answer.status != HTTPStatus.OK:
        return [f"is answered with {answer.status}"]
    if answer.headers.get_content_type() != "text/plain":
        return ["is not text/plain"]
    fields = {name.lower(): value for name, value in FIELD.findall(answer.body.decode("latin-1"))}
    if "contact" not in fields:
        return ["names no Contact"]
    return [] if _is_valid(fields.get("expires", "")) else ["is expired, or has no date of expiry"]


def _is_valid(expires: str) -> bool:
    try:
        return datetime.fromisoformat(expires.upper()) > datetime.now(UTC)
    except (ValueError, TypeError):  # no date, or one without a time zone
        return False
