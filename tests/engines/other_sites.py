"""What pages of other sites may do with the site and a user's login."""

from __future__ import annotations

from engines.behaviours import behaviour, row
from engines.logins import log_in
from engines.sites import App, Sites
from engines.tab import Tab

FRAME = '<iframe src="SITE/frame-page" onload="document.title = \'loaded\'"></iframe>'
READ = """return fetch($0, {credentials: "include"})
    .then(async (answer) => (await answer.json()).username, () => "refused")"""
WRITE = """return fetch($0, {
    method: "POST", credentials: "include", mode: $1, headers: {"Content-Type": $2}, body: "{}",
}).then((answer) => answer.type, () => "refused")"""
EMBED = """return new Promise((resolve) => {
    const [onload, onerror] = ["embedded", "refused"].map((text) => () => resolve(text));
    document.body.append(Object.assign(document.createElement("script"), {src: $0, onload, onerror}));
})"""
FORM = '<form method="post" action="SITE/write"><button>Win</button></form>'
SANDBOXED = """<iframe sandbox="allow-forms allow-scripts" srcdoc="
    <form method=post action=SITE/write></form><script>document.forms[0].submit()</script>
"></iframe>"""
OPEN = "<button onclick=\"globalThis.opened = window.open('SITE/probe-page')\">Open</button>"
# Names that each engine resolves to this computer: two of one site, and one of another site.
HOST, SIBLING, STRANGER = "app.shop.localhost", "evil.shop.localhost", "evil.localhost"


def framed(tab: Tab, sites: Sites, ancestor: str, host: str) -> str:
    """A page of the other site at `host` frames one; where no ancestor is named, 127.0.0.1 is."""
    app = sites.app(FRAME_ANCESTORS=[ancestor or sites.other()])
    sites.page(FRAME.replace("SITE", app.origin))
    tab.visit(sites.other(host))
    tab.wait_for("document.title === 'loaded'")
    # A frame has loaded when its picture has.
    return "shown" if "/shown" in app.asked() else "blank"


row("a page in a frame of another site", framed, "'none'", "127.0.0.1", must="blank")
row("the same, where the policy is `'self'`", framed, "'self'", "127.0.0.1", must="blank")
row("a page in a frame of a listed origin", framed, "", "127.0.0.1", must="shown")
row("a page in a frame, where another origin is listed", framed, "", "localhost", must="blank")


def read(tab: Tab, sites: Sites, listed: str) -> str:
    app = sites.app(CORS_ORIGINS=[sites.other(listed)])
    log_in(tab, app)
    tab.visit(f"{sites.other('localhost')}/empty")
    return str(tab.run(READ, f"{app.origin}/me"))


row("what a page of another origin of the site reads", read, "127.0.0.1", must="refused")
row("what a page of an origin in `CORS_ORIGINS` reads", read, "localhost", must="ada")


@behaviour("JSON that a page of another origin writes", must="refused")
def write(tab: Tab, sites: Sites) -> str:
    app = sites.app()
    tab.visit(f"{sites.other('localhost')}/empty")
    return str(tab.run(WRITE, f"{app.origin}/write", "cors", "application/json"))


@behaviour("text that a page of another origin writes", must="403")
def write_unasked(tab: Tab, sites: Sites) -> str:
    app = sites.app()
    tab.visit(f"{sites.other('localhost')}/empty")
    tab.run(WRITE, f"{app.origin}/write", "no-cors", "text/plain")
    return str(app.noted("POST", "/write")["status"])


@behaviour("a script of the site in a page of another", must="refused")
def embed(tab: Tab, sites: Sites) -> str:
    app = sites.app()
    sites.page("<body></body>")
    tab.visit(sites.other())
    return str(tab.run(EMBED, f"{app.origin}/script.js"))


@behaviour("what a site that opens a page keeps of its window", must="nothing")
def window(tab: Tab, sites: Sites) -> str:
    app = sites.app()
    sites.page(OPEN.replace("SITE", app.origin))
    tab.visit(sites.other())
    tab.click("button")
    app.noted("GET", "/probe-page")
    tab.wait_for("opened.closed")
    return "nothing"


def form(app: App) -> str:
    """Return what came with a form to the app, and with the user's login where there was one."""
    sent = app.noted("POST", "/write")
    origin = sent["headers"]["Origin"]
    reported = {app.origin: "own", "null": "`null`"}.get(origin, "true" if origin else "none")
    site = sent["headers"]["Sec-Fetch-Site"] or "no `Sec-Fetch-Site`"
    cookie = "with" if sent["login"] else "without"
    return f"{reported} origin, {site}, {cookie} the login: {sent['status']}"


def own_form(tab: Tab, sites: Sites, path: str) -> str:
    app = sites.app(HOST)
    log_in(tab, app)
    tab.visit(app.origin + path)
    tab.click("button")
    return form(app)


OWN = "own origin, same-origin, with the login: 200"
row("a form of the site's own", own_form, "/form-page", must=OWN)
row("the same, on a page with `no-referrer`", own_form, "/form-page-without-referrer")


def form_from(tab: Tab, sites: Sites, host: str, page: str = FORM) -> str:
    app = sites.app(HOST)
    log_in(tab, app)
    sites.page(page.replace("SITE", app.origin))
    tab.visit(sites.other(host))
    if page == FORM:
        tab.click("button")
    return form(app)


row("a form of a sibling subdomain", form_from, SIBLING, must="403")
row("a form of another site", form_from, STRANGER, must="403")
row("a form in a sandboxed frame of a sibling", form_from, SIBLING, SANDBOXED, must="403")
