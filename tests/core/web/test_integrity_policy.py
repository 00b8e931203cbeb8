"""Pages at PARANOID run only script files whose hash they have, and say so to browsers."""

import pytest
from flask import Flask
from secure_flask import csp, public
from secure_flask.csp_levels import NONCE, PARANOID, SELF, STRICT, Level

from core import routes
from core.conftest import MakeApp

ENFORCED, REPORT_ONLY = "Integrity-Policy", "Integrity-Policy-Report-Only"
VALUE = "blocked-destinations=(script), endpoints=(csp)"
CHAT, TILES = "https://chat.example", "https://tiles.example"
OWN = Level("OWN", {"script-src": [NONCE]}, integrity=True)


def sent(app: Flask, path: str = "/") -> dict[str, str]:
    """The Integrity-Policy of a response, by the name of the header."""
    headers = app.test_client().get(path).headers
    return {name: value for name, value in headers.items() if name in (ENFORCED, REPORT_ONLY)}


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        ({"CSP": PARANOID}, [ENFORCED]),
        ({"CSP": STRICT}, []),
        ({"CSP": STRICT, "CSP_CANDIDATE": PARANOID}, [REPORT_ONLY]),
        ({"CSP": PARANOID, "csp_report_only": True}, [REPORT_ONLY]),
        ({"CSP": OWN}, [ENFORCED]),
        ({"CSP": PARANOID._replace(integrity=False)}, []),
        ({"CSP": dict(PARANOID.directives)}, []),
        # Styles, images and fonts need no hash.
        ({"CSP": PARANOID, "CSP_SOURCES": [TILES]}, [ENFORCED]),
        ({"CSP": PARANOID, "CSP_CHANGES": {"script-src": [SELF]}}, [ENFORCED]),
        ({"CSP": PARANOID, "CSP_CHANGES": {"script-src": [CHAT]}}, []),
        ({"CSP": PARANOID, "CSP_CHANGES": {"script-src-elem": [NONCE, CHAT]}}, []),
    ],
)
def test_the_level_and_the_scripts_of_other_sites_decide(
    make_app: MakeApp, policy: dict[str, object], names: list[str]
) -> None:
    assert sent(make_app(**policy)) == dict.fromkeys(names, VALUE)


def test_only_pages_have_it(make_app: MakeApp) -> None:
    app = make_app(CSP=PARANOID, HEADER_CHANGES={"integrity-policy-report-only": VALUE})
    assert sent(app) == {ENFORCED: VALUE, REPORT_ONLY: VALUE}
    # Firefox shows JSON by scripts without hashes.
    assert sent(app, routes.HEALTHZ) == {}
    assert sent(app, "/static/page.css") == {}


def test_a_view_that_allows_a_script_of_another_site_has_none(make_app: MakeApp) -> None:
    app = make_app(CSP=PARANOID, CSP_CANDIDATE=PARANOID)
    for name, own in {"chat": {"script_src": [NONCE, CHAT]}, "map": {"img_src": [TILES]}}.items():
        app.add_url_rule(f"/_test/{name}", name, csp(**own)(public(lambda: "a page")))
    assert sent(app, "/_test/chat") == {}
    assert sent(app, "/_test/map") == {ENFORCED: VALUE, REPORT_ONLY: VALUE}


@pytest.mark.parametrize("value", [None, "blocked-destinations=(script style), endpoints=(csp)"])
def test_header_changes_remove_and_replace_it(make_app: MakeApp, value: str | None) -> None:
    app = make_app(CSP=PARANOID, HEADER_CHANGES={"integrity-policy": value})
    assert sent(app) == ({ENFORCED: value} if value else {})
