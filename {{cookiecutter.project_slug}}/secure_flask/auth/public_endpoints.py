"""Which views everybody may call: those marked `@public`, and those in PUBLIC_ENDPOINTS.

policy.py lists there the endpoints of extensions, whose views have no mark, each with its
reason. Source: OWASP ASVS 8.1.1, 8.2.1.
"""

from flask import Flask, current_app
from secure_flask.web.origins import PolicyError
from secure_flask.web.view_options import ViewOptions


def is_public(endpoint: str, options: ViewOptions) -> bool:
    """Whether everybody may call a view: by its mark, or by PUBLIC_ENDPOINTS without a mark."""
    opened = options.access is None and endpoint in current_app.config["PUBLIC_ENDPOINTS"]
    return opened or options.access == "public"


def init_app(app: Flask) -> None:
    opened = app.config.setdefault("PUBLIC_ENDPOINTS", {})
    if not isinstance(opened, dict) or not all(map(_is_text, [*opened, *opened.values()])):
        raise PolicyError(
            "policy.py: PUBLIC_ENDPOINTS is no dict of endpoints, each with its reason. "
            'Write {"bootstrap.static": "The style sheets of Bootstrap."}.'
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
