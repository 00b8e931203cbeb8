"""What a policy and views open: sources in pages, writes without a limit, workers, redirects.

Also how many legacy hashes are left, and which of them tell names by their time.
"""

import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from secure_flask import assets
from secure_flask.auth import access, user_changes
from secure_flask.auth.access import login_required, public
from secure_flask.checks import policy as policy_checks
from secure_flask.csp_levels import NONCE, NONE, PARANOID, RELAXED, SELF, STRICT, UNSAFE_INLINE
from secure_flask.database import db
from secure_flask.web.csp import Directives, csp
from secure_flask.web.rate_limits import limited
from sqlalchemy import update

from core.checks.conftest import Find, MakeSite, found_in
from core.conftest import PASSWORD, Configure
from core.users import User

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
    "script-src 'inline-speculation-rules'": "injected rules make browsers load pages",
    "script-src data:": "an injected script runs",
    "style-src 'unsafe-inline'": "an injected style",
    "img-src https:": "images load from any site, and an injected image can send data there",
    "form-action *": "any site",
    "frame-ancestors *": "any site can show the page in a frame",
    "script-src https://esm.sh": "it serves files of any publisher",
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


def test_an_insecure_source_is_reported(find: Find, subtests: pytest.Subtests) -> None:
    for directive, said in INSECURE.items():
        with subtests.test(directive=directive, said=said):
            [message] = find("csp.insecure", CSP=policy(directive))
            assert message.startswith(f"{directive.replace(' ', ' allows ')}: {said}")
    # A nonce hides no other source.
    assert len(find("csp.insecure", CSP=policy(f"style-src {NONCE} esm.sh"))) == 1


def test_what_opens_nothing_is_not_reported(find: Find) -> None:
    found = {directive: find("csp.insecure", CSP=policy(directive)) for directive in HARMLESS}
    assert found == {directive: [] for directive in HARMLESS}
    assert find("csp.insecure", CSP=STRICT) == find("csp.insecure", CSP=PARANOID) == []
    of_relaxed = [message.partition(":")[0] for message in find("csp.insecure", CSP=RELAXED)]
    assert of_relaxed == ["style-src allows 'unsafe-inline'", "img-src allows https"]


def test_a_wildcard_is_any_subdomain_or_any_site(find: Find, subtests: pytest.Subtests) -> None:
    expected = {
        "https://*.safe.test": "any subdomain of safe.test ",
        "*.safe.test": "any subdomain of safe.test ",
        "wss://*.a.safe.test:8443": "any subdomain of a.safe.test ",
        "*.safe.test/files/": "any subdomain of safe.test ",
        **dict.fromkeys(("*", "https://*", "*:8443", "https://*:*/"), "any site"),
    }
    for source, named in expected.items():
        with subtests.test(source=source, named=named):
            [message] = find("csp.insecure", CSP=policy(f"connect-src {source}"))
            assert (named in message, "any site" in message) == (True, named == "any site")


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
    find: Find, make_site: MakeSite, changes: dict[str, Any], named: str
) -> None:
    [message] = find("links.any", **changes)
    assert message.startswith(f"Every page may lead to any site, since {named}")
    assert [find("links.any", CSP=level) for level in (STRICT, PARANOID, RELAXED)] == [[], [], []]
    assert find("links.any", LINKS=["https://*.safe.test"]) == []
    app = make_site(LINKS=[])
    app.add_url_rule("/_test/pie", "pie", csp(img_src=["*"])(lambda: ""))
    [message] = found_in(app, "links.any")
    assert "since pie: img-src allows https://*:*" in message


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


def test_a_policy_that_lacks_what_stops_scripts_is_reported(find: Find) -> None:
    # Browsers take default-src for neither base-uri nor form-action.
    assert len(find("csp.incomplete", CSP=policy())) == 2
    assert len(find("csp.incomplete", CSP={"img-src": [SELF]})) == 4
    assert find("csp.incomplete", CSP=STRICT) == []


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
    get = csp(img_src=["*"])(lambda self: "")
    page = type("Page", (MethodView,), {"get": get, "post": lambda self: ""})
    app.add_url_rule("/_test/page", view_func=page.as_view("page"))  # type: ignore[attr-defined]
    found = [message.partition(":  ")[0] for message in found_in(app, "csp.insecure")]
    assert [message.rpartition(": ")[0] for message in found] == [
        "charts.pie: style-src allows *",
        "charts.pie: style-src allows 'unsafe-inline'",
        "page GET: img-src allows *",
        "charts: img-src allows https:",
    ]


def test_a_public_write_without_a_limit_is_named(
    make_site: MakeSite, subtests: pytest.Subtests
) -> None:
    opened = {"PUBLIC_ENDPOINTS": {"probe": "A test opens it."}}
    cases: list[tuple[list[MarkView], dict[str, Any], int]] = [
        ([public], {}, 1),
        ([], opened, 1),
        ([public], {"rate_limit": "60 per minute"}, 0),
        ([public, limited("1 per minute")], {}, 0),
        ([public, access.takes_credentials], {}, 0),
        ([login_required], {}, 0),
        ([], {}, 0),
    ]
    for marks, settings, found in cases:
        with subtests.test(marks=marks, settings=settings, found=found):
            site = make_site(**{"rate_limit": None, **settings})
            view: Any = partial(str)
            for mark in marks:
                view = mark(view)
            site.add_url_rule("/probe", "probe", view, methods=("GET", "PUT", "DELETE"))
            # One finding lists all.
            named = found_in(site, "access.unlimited-write")
            assert ["DELETE /probe, PUT /probe" in each for each in named] == [True] * found


def test_a_service_worker_that_passes_on_writes_is_reported(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    monkeypatch.setattr(assets, "asset_folder", tmp_path.resolve)
    app = make_site(SERVICE_WORKERS=["/static/worker.js"])
    for found, script in (
        (1, ""),
        (1, 'addEventListener("fetch", (event) => event.respondWith(fetch(event.request)))'),
        (0, 'on("fetch", (event) => { if (event.request.method !== "GET") return; })'),
    ):
        with subtests.test(found=found, script=script):
            (tmp_path / "worker.js").write_text(script)
            assert len(found_in(app, "workers.unguarded")) == found


MODULE = """
import flask
from flask import redirect, request, url_for
from secure_flask import checked_next

def view(form=None):
{body}
"""
NAMED = [
    "return redirect(request.args['next'])",
    "return flask.redirect(flask.request.args.get('next', '/'), 303)",
    "return redirect(location=request.values['next'])",
    "return redirect('/' if form else request.args['next'].strip())",
    "return redirect(f'{request.args[\"next\"]}?again=1')",
    "target = request.args.get('next')\n    return redirect(target)",
    "if target := request.args.get('next'):\n        return redirect(target)",
    "target = request.args.get('next')\n    if not target.startswith('/'):\n"
    "        target = '/'\n    return redirect(target)",
]
UNNAMED = [
    "return redirect(url_for('view', page=request.args['page']))",
    "return redirect(checked_next() or '/')",
    "target = checked(request.args['next'])\n    return redirect(target)",
    "return redirect(request.path)",
    "target = request.args['next']\n    return redirect('/')",
    "def other():\n        target = request.args['next']\n    target = '/'\n    return redirect(target)",
]


@pytest.fixture
def named(make_site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """The findings for a view with this body."""

    def named(body: str, folder: str = "shop") -> list[str]:
        file = tmp_path / folder / "views.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(MODULE.format(body=f"    {body}"))
        spec = importlib.util.spec_from_file_location("shop_views", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "shop_views", module)
        spec.loader.exec_module(module)
        app: Flask = make_site()
        app.add_url_rule("/_redirect", view_func=module.view)
        return [each for each in found_in(app, "redirects.unchecked") if "views.py" in each]

    return named


@pytest.mark.parametrize("body", NAMED)
def test_a_redirect_to_an_address_of_the_request_is_named(named, body: str) -> None:  # type: ignore[no-untyped-def]
    [line] = named(body)
    number = 6 + body[: body.index("redirect(")].count("\n") + 1
    assert f"views.py:{number} " in line


@pytest.mark.parametrize("body", UNNAMED)
def test_a_redirect_to_a_page_of_the_app_or_in_a_package_is_not(named, body: str) -> None:  # type: ignore[no-untyped-def]
    assert named(body) == []
    assert named(NAMED[0], "site-packages") == []


USUAL, DEAR, CHEAP = "old:100:s$usual", "old:20000000:s$dear", "old:1:s$cheap"
# What else a column of hashes may hold.
OTHERS = ["OLD:100:s$a", "old", "!", "%old:100"]


@pytest.fixture
def site(make_migrated: MakeSite) -> Flask:
    """A site with LEGACY_HASHES, whose check takes longer with more rounds."""
    return make_migrated(LEGACY_HASHES={"old:": (lambda stored, password: False, USUAL)})


def store(app: Flask, *hashes: str) -> None:
    """Give users these hashes, beside the one user with a new hash."""
    with app.app_context():
        for number, stored in enumerate(hashes):
            user_changes.create_user(f"user-{number}", PASSWORD).password_hash = stored
        db.session.commit()


def test_legacy_hashes_that_are_left_are_counted(site: Flask) -> None:
    store(site, USUAL, "old:100:t$another", *OTHERS)
    assert found_in(site, "passwords.legacy-hashes") == [
        "2 of 7 users have a legacy hash, which their next login replaces."
    ]
    assert found_in(site, "passwords.legacy-hash-cost") == []
    with site.app_context():
        db.session.execute(
            update(User).where(User.password_hash.startswith("old:")).values(password_hash="!")
        )
        db.session.commit()
    [message] = found_in(site, "passwords.legacy-hashes")
    assert message.startswith("No user has a legacy hash any more")


def test_hashes_that_are_cheaper_or_dearer_than_the_sample_are_reported(site: Flask) -> None:
    store(site, USUAL, CHEAP, DEAR, DEAR, IMPORTED)
    of_argon2, of_old = sorted(found_in(site, "passwords.legacy-hash-cost"))
    assert of_argon2.startswith("1 hashes of argon2 have other parameters than new ones")
    assert of_old.startswith("3 legacy hashes have other numbers than the sample")
    assert "$dear" not in of_old


# Hashes of argon2 with other parameters than those of new ones.
IMPORTED = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"
ELSEWHERE = IMPORTED.replace("t=3", "t=30")


def test_argon2_of_other_parameters_is_reported_until_the_policy_names_it(
    make_migrated: MakeSite, configure: Configure
) -> None:
    app = make_migrated()
    store(app, IMPORTED, IMPORTED, ELSEWHERE, "!", "*")
    assert found_in(app, "passwords.legacy-hashes") == []
    assert found_in(app, "passwords.legacy-hash-cost") == [
        "3 hashes of argon2 have other parameters than new ones: the time of a login tells that "
        "these names exist."
    ]
    named = {"$argon2": (lambda stored, password: False, IMPORTED)}
    configure(app, LEGACY_HASHES=named)
    assert found_in(app, "passwords.legacy-hashes") == [
        "3 of 6 users have a legacy hash, which their next login replaces."
    ]
    [message] = found_in(app, "passwords.legacy-hash-cost")
    assert message.startswith("1 legacy hashes have other numbers than the sample")


def test_without_a_database_the_other_check_says_so(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_checks, "problem_of_migrations", lambda: "away")
    assert found_in(site, "passwords.legacy-hashes") == []
    assert found_in(site, "passwords.legacy-hash-cost") == []
