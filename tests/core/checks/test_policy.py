"""What a policy opens: sources in pages, public writes without a limit, unguarded workers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint
from flask.views import MethodView
from secure_flask import assets
from secure_flask.auth import access
from secure_flask.auth.access import login_required, public
from secure_flask.csp_levels import NONCE, NONE, PARANOID, RELAXED, SELF, STRICT, UNSAFE_INLINE
from secure_flask.web.csp import Directives, csp
from secure_flask.web.rate_limits import limited

from core.checks.conftest import Find, MakeSite, found_in

MarkView = Callable[[Any], Any]

POLICY = {
    "default-src": [NONE],
    "script-src": [NONCE],
    "style-src": [SELF],
    "frame-ancestors": [NONE],
}
# With the begin of what injected markup does there.
INSECURE = {
    "script-src 'unsafe-inline'": "an injected script runs",
    "script-src-attr 'unsafe-inline'": "an injected script runs",
    "script-src 'unsafe-eval'": "an injected script runs",
    "script-src 'trusted-types-eval'": "an injected script runs",
    "script-src 'inline-speculation-rules'": "injected rules make browsers load pages",
    "script-src data:": "an injected script runs",
    "style-src 'unsafe-inline'": "an injected style",
    "style-src-attr 'unsafe-inline'": "an injected style",
    "img-src https:": "images load from any site, and an injected image can send data there",
    "img-src *": "images load from any site, and an injected image can send data there",
    "form-action *": "any site",
    "frame-ancestors *": "any site can show the page in a frame",
    "script-src https://esm.sh": "it serves files of any publisher",
    "style-src esm.sh": "it serves files of any publisher",
    "style-src esm.sh:443/": "it serves files of any publisher",
    "img-src http://images.safe.test": "an attacker on the network",
    "connect-src ws:": "any site",
}
HARMLESS = [
    # Browsers that know nonces ignore it then; it serves those that do not.
    f"script-src {NONCE} 'unsafe-inline'",
    "style-src 'sha256-YQ==' 'unsafe-inline'",
    f"script-src {NONCE} 'inline-speculation-rules'",
    "img-src data:",
    "trusted-types *",
    "img-src https://images.safe.test",
    "img-src https://esm.sh",
    "script-src https://esm.sh.a.test esm.sh/x@2.0/",
]


def policy(*written: str, without: str = "") -> Directives:
    """The clean policy with directives as they are written here, and without another."""
    changed = {name: sources for name, *sources in map(str.split, written)}
    return {name: listed for name, listed in {**POLICY, **changed}.items() if name != without}


@pytest.mark.parametrize("directive", INSECURE)
def test_an_insecure_source_is_reported(find: Find, directive: str) -> None:
    [message] = find("csp.insecure", CSP=policy(directive))
    assert message.startswith(f"{directive.replace(' ', ' allows ')}: {INSECURE[directive]}")


def test_a_nonce_hides_no_other_source(find: Find) -> None:
    assert len(find("csp.insecure", CSP=policy(f"style-src {NONCE} esm.sh"))) == 1


@pytest.mark.parametrize("directive", HARMLESS)
def test_what_opens_nothing_is_not_reported(find: Find, directive: str) -> None:
    assert find("csp.insecure", CSP=policy(directive)) == []


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("https://*.safe.test", "any subdomain of safe.test "),
        ("*.safe.test", "any subdomain of safe.test "),
        ("wss://*.a.safe.test:8443", "any subdomain of a.safe.test "),
        ("*.safe.test/files/", "any subdomain of safe.test "),
        *((source, "any site") for source in ("*", "https://*", "*:8443", "https://*:*/")),
    ],
)
def test_a_wildcard_is_any_subdomain_or_any_site(find: Find, source: str, named: str) -> None:
    [message] = find("csp.insecure", CSP=policy(f"connect-src {source}"))
    assert named in message
    assert ("any site" in message) == (named == "any site")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"LINKS": ["https://*"]}, "LINKS allows https://*"),
        ({"LINKS": ["https://*"], "CSP": policy("img-src https://*")}, "LINKS allows https://*"),
        ({"LINKS": [], "CSP": policy("img-src https:")}, "img-src allows https://*:*"),
        ({"CSP": PARANOID, "CSP_CHANGES": {"connect-src": ["wss:"]}}, "connect-src allows https:"),
    ],
    ids=["a link", "a link and a source", "a source", "a change"],
)
def test_a_source_that_lets_every_page_lead_to_any_site_is_named(
    find: Find, changes: dict[str, Any], named: str
) -> None:
    [message] = find("links.any", **changes)
    assert message.startswith(f"Every page may lead to any site, since {named}")


def test_a_view_that_lets_every_page_lead_to_any_site_is_named(make_site: MakeSite) -> None:
    app = make_site(LINKS=[])
    app.add_url_rule("/_test/pie", "pie", csp(img_src=["*"])(lambda: ""))
    [message] = found_in(app, "links.any")
    assert "since pie: img-src allows https://*:*" in message


def test_the_levels_and_the_subdomains_of_a_site_let_no_page_lead_to_any_site(find: Find) -> None:
    assert [find("links.any", CSP=level) for level in (STRICT, PARANOID, RELAXED)] == [[], [], []]
    assert find("links.any", LINKS=["https://*.safe.test"]) == []


def test_what_browsers_ignore_is_named(find: Find, make_site: MakeSite) -> None:
    inline = "'unsafe-inline'"
    [of_style] = find("csp.ignored", CSP=policy(f"style-src {NONCE} {inline}"))
    assert of_style.startswith(f"style-src: browsers ignore {inline} beside {NONCE}")
    [of_script] = find("csp.ignored", CSP=policy(f"script-src {inline} 'sha256-YQ=='"))
    assert of_script.startswith(f"script-src: browsers ignore {inline} beside 'sha256-YQ=='")
    assert find("csp.ignored", CSP=policy(f"style-src {inline}")) == []
    assert find("csp.ignored", CSP=STRICT) == find("csp.ignored", CSP=RELAXED) == []
    [message] = find("csp.ignored", CSP_CANDIDATE=policy(f"style-src {NONCE} {inline}"))
    assert message.startswith("CSP_CANDIDATE: style-src: ")
    app = make_site()
    app.add_url_rule("/_test/pie", "pie", csp(style_src=[NONCE, UNSAFE_INLINE])(lambda: ""))
    [message] = found_in(app, "csp.ignored")
    assert message.startswith("pie: style-src: ")


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_what_one_method_of_a_class_weakens_is_reported(make_site: MakeSite, method: str) -> None:
    def answer(self: MethodView) -> str:
        return ""

    methods = dict.fromkeys(("get", "post", "put", "patch", "delete"), answer)
    weak = {method: csp(img_src=["*"])(answer)}
    view: type[MethodView] = type("Pie", (MethodView,), {**methods, **weak})
    app = make_site()
    app.add_url_rule("/_test/pie", view_func=view.as_view("pie"))
    [message] = found_in(app, "csp.insecure")
    assert message.startswith(f"pie {method.upper()}: img-src allows *: ")


def test_a_policy_that_lacks_what_stops_scripts_is_reported(find: Find) -> None:
    # Browsers take default-src for neither base-uri nor form-action.
    assert len(find("csp.incomplete", CSP=policy())) == 2
    assert len(find("csp.incomplete", CSP={"img-src": [SELF]})) == 4
    assert find("csp.incomplete", CSP=STRICT) == []


def test_each_level_is_reported_by_what_its_question_says(find: Find) -> None:
    assert find("csp.insecure", CSP=STRICT) == find("csp.insecure", CSP=PARANOID) == []
    found = [message.partition(":")[0] for message in find("csp.insecure", CSP=RELAXED)]
    assert found == ["style-src allows 'unsafe-inline'", "img-src allows https"]


def test_what_falls_back_on_default_src_is_as_insecure_as_that(find: Find) -> None:
    inline = "default-src 'self' 'unsafe-inline'"
    assert find("csp.insecure", CSP=policy(inline)) == []
    assert len(find("csp.insecure", CSP=policy(inline, without="script-src"))) == 1
    # In part: scripts have a directive of their own, styles fall back.
    cdn = policy("default-src https://esm.sh", without="style-src")
    [message] = find("csp.insecure", CSP=cdn)
    assert message.startswith("default-src allows ")


def test_what_a_view_or_a_blueprint_weakens_is_reported(make_site: MakeSite) -> None:
    app = make_site()
    charts = csp(img_src=["https:"])(Blueprint("charts", __name__))
    charts.add_url_rule("/_test/pie", "pie", csp(style_src=["*", UNSAFE_INLINE])(lambda: ""))
    app.register_blueprint(charts)
    found = [message.partition(":  ")[0] for message in found_in(app, "csp.insecure")]
    assert [message.rpartition(": ")[0] for message in found] == [
        "charts.pie: style-src allows *",
        "charts.pie: style-src allows 'unsafe-inline'",
        "charts: img-src allows https:",
    ]


@pytest.mark.parametrize(
    ("marks", "settings", "found"),
    [
        ([public], {}, 1),
        ([], {"PUBLIC_ENDPOINTS": {"probe": "A test opens it."}}, 1),
        ([public], {"rate_limit": "60 per minute"}, 0),
        ([public, limited("1 per minute")], {}, 0),
        ([public, access.takes_credentials], {}, 0),
        ([login_required], {}, 0),
        ([], {}, 0),
    ],
    ids=["public", "opened", "limited_site", "limited", "credentials", "login", "unmarked"],
)
def test_a_public_write_without_a_limit_is_named(
    make_site: MakeSite, marks: list[MarkView], settings: dict[str, Any], found: int
) -> None:
    site = make_site(**{"rate_limit": None, **settings})

    def view() -> str:
        return ""

    for mark in marks:
        view = mark(view)
    site.add_url_rule("/probe", "probe", view, methods=("GET", "PUT", "DELETE"))
    named = "".join(found_in(site, "access.unlimited-write"))
    assert ("DELETE /probe, PUT /probe" in named) is bool(found)


def test_one_finding_lists_all_public_writes_without_a_limit(make_site: MakeSite) -> None:
    site = make_site(rate_limit=None)
    for number in range(3):
        site.add_url_rule(f"/{number}", str(number), public(lambda: ""), methods=("POST",))
    [line] = found_in(site, "access.unlimited-write")
    assert "POST /0, POST /1, POST /2" in line


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("", 1),
        ('addEventListener("fetch", (event) => event.respondWith(fetch(event.request)))', 1),
        ('on("fetch", (event) => { if (event.request.method !== "GET") return; })', 0),
    ],
    ids=["empty", "passes on", "guarded"],
)
def test_a_service_worker_that_passes_on_writes_is_reported(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, found: int
) -> None:
    (tmp_path / "worker.js").write_text(script)
    monkeypatch.setattr(assets, "asset_folder", tmp_path.resolve)
    app = make_site(SERVICE_WORKERS=["/static/worker.js"])
    assert len(found_in(app, "workers.unguarded")) == found
