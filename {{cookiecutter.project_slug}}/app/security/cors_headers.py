"""Which headers a script of another origin may send with its requests.

`*` would let it send any, and a header that the app or a proxy believes, such as
X-Forwarded-For, would let it speak in their name: both stop the app at start-up.
Source: WHATWG Fetch, "forbidden request-header" and "CORS protocol"; OWASP ASVS 4.1.3.
"""

import re
from collections.abc import Sequence

from app.security.origins import PolicyError

# What this app itself reads: a login by token, a JSON body, the proof of a write by cookie.
ALWAYS = ("Authorization", "Content-Type", "X-CSRF-Token")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Browsers or proxies set these, or they would replace the method that was checked.
_FORBIDDEN = frozenset(
    {
        "accept-charset",
        "accept-encoding",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-real-ip",
    }
)
_FORBIDDEN_PREFIXES = ("access-control-", "proxy-", "sec-", "x-forwarded-")


def check(names: Sequence[str]) -> None:
    """Refuse what is no name of a header, and what no script may decide.

    :raises PolicyError: names the value and what to do about it.
    """
    if isinstance(names, str):
        raise PolicyError("policy.py: CORS_REQUEST_HEADERS is one text; write a list of names.")
    for name in names:
        if not _NAME.fullmatch(name):
            raise PolicyError(
                f"policy.py: CORS_REQUEST_HEADERS holds {name!r}, which is no header name. "
                'Write one name each, as in "X-Requested-With".'
            )
        if name.lower() in _FORBIDDEN or name.lower().startswith(_FORBIDDEN_PREFIXES):
            raise PolicyError(
                f"policy.py: CORS_REQUEST_HEADERS holds {name!r}, which browsers or proxies set "
                "and no script may: remove it."
            )
