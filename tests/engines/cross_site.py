"""Writes of other sites with a user's login, by each way that a browser has.

The form of a site is in other_sites.py. Here are the ways of its scripts, redirects, WebSockets and
service workers, from each kind of origin.
"""

from __future__ import annotations

from engines.behaviours import behaviour, row
from engines.logins import log_in
from engines.other_sites import HOST, SIBLING, STRANGER
from engines.sites import App, Sites
from engines.tab import Tab

# Each sends one POST, or opens a WebSocket, and waits until it is on its way.
TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
FETCH = """for (const type of $1) {
    const body = new Blob(["a=b"], {type});
    for (const more of [{}, {keepalive: true}, {referrerPolicy: "no-referrer"}]) {
        await fetch($0, {method: "POST", mode: "no-cors", credentials: "include", body, ...more})
            .catch(() => 0);
    }
}"""
BEACON = """for (const type of $1) {
    navigator.sendBeacon($0, new Blob(["a=b"], {type}));
}
navigator.sendBeacon($0, new URLSearchParams("a=b"));
navigator.sendBeacon($0, new FormData());"""
SOCKET = """return new Promise((resolve) => {
    const socket = new WebSocket($0.replace("http", "ws"));
    socket.onopen = socket.onerror = () => resolve("done");
})"""
FORM = """<form method="post" action="TARGET" enctype="ENCTYPE"><button>Win</button></form>"""
SANDBOX = """<iframe sandbox="allow-forms allow-scripts" srcdoc="<script>
    fetch('TARGET', {method: 'POST', mode: 'no-cors', credentials: 'include', body: 'a=b'});
    navigator.sendBeacon('TARGET', 'a=b');
</script>"></iframe>"""
REGISTER = """
    if (!navigator.serviceWorker) return "no service workers";
    try {
        await navigator.serviceWorker.register($0);
        await navigator.serviceWorker.ready;
        return "installed";
    } catch {
        return "refused";
    }
"""
REFUSED, NO_WORKERS = "403", "no service workers"
# The one name that may be listed by http, and another site than HOST.
LISTED = "localhost"
PASSING, GUARDED = WORKERS = ["/passing-worker.js", "/guarded-worker.js"]
# Where the page of an attacker is. The other port has the name of the site, and a cookie goes by
# the name alone.
ORIGINS = {"a sibling subdomain": SIBLING, "another port": HOST, "another site": STRANGER}


def statuses(app: App, method: str = "POST") -> str:
    """How the app answered each such request, the first one waited for."""
    found = {app.noted(method, "/write")["status"]}
    found |= {each["status"] for each in app.more(method, "/write")}
    return ", ".join(map(str, sorted(found)))


def by_script(tab: Tab, sites: Sites, host: str, script: str, method: str = "POST") -> str:
    app = sites.app(HOST)
    log_in(tab, app)
    tab.visit(f"{sites.other(host)}/empty")
    tab.run(script, f"{app.origin}/write", TYPES)
    return statuses(app, method)


def by_redirect(tab: Tab, sites: Sites, host: str) -> str:
    """The form goes to the attacker, who sends the browser on with it."""
    app, origin, found = sites.app(HOST), sites.other(host), set()
    log_in(tab, app)
    for status in (307, 308):
        sites.page(form(f"{origin}/{status}?{app.origin}/write"))
        tab.visit(origin)
        tab.click("button")
        found.add(statuses(app))
    return ", ".join(sorted(found))


def form(target: str, enctype: str = "application/x-www-form-urlencoded") -> str:
    return FORM.replace("TARGET", target).replace("ENCTYPE", enctype)


for name, host in ORIGINS.items():
    row(f"`fetch` without a preflight, from {name}", by_script, host, FETCH, must=REFUSED)
    row(f"beacons, from {name}", by_script, host, BEACON, must=REFUSED)
    row(f"a form by 307 and 308, from {name}", by_redirect, host, must=REFUSED)
    row(f"a WebSocket, from {name}", by_script, host, SOCKET, "GET", must=REFUSED)


@behaviour("`fetch` and a beacon of a sandboxed frame", must=REFUSED)
def sandboxed(tab: Tab, sites: Sites) -> str:
    app = sites.app(HOST)
    log_in(tab, app)
    sites.page(SANDBOX.replace("TARGET", f"{app.origin}/write"))
    tab.visit(sites.other(SIBLING))
    return statuses(app)


# No view takes the WebSocket, which is a 400 where it is not refused.
@behaviour("the site's own `fetch`, beacon and WebSocket", must="200, 400")
def own(tab: Tab, sites: Sites) -> str:
    app = sites.app(HOST)
    log_in(tab, app)
    tab.visit(f"{app.origin}/probe-page")
    tab.run("await fetch($0, {method: 'POST'})", f"{app.origin}/write")
    tab.run(BEACON, f"{app.origin}/write", ["application/json"])
    by_json = statuses(app).partition(",")[0]
    tab.run(SOCKET, f"{app.origin}/write")
    return ", ".join(sorted({by_json, statuses(app, "GET")}))


@behaviour("a form of the same name by http, for a site by https", must=REFUSED)
def http_twin(tab: Tab, sites: Sites) -> str:
    # Until the browser knows that the name wants https.
    app = sites.app(
        "twin.localhost", https=True, HEADER_CHANGES={"Strict-Transport-Security": None}
    )
    log_in(tab, app)
    sites.page(form(f"{app.origin}/write"))
    tab.visit(sites.other("twin.localhost"))
    tab.click("button")
    return statuses(app)


@behaviour(
    "a form, and a `fetch` without a preflight, from an origin in `CORS_ORIGINS`", must=REFUSED
)
def listed(tab: Tab, sites: Sites) -> str:
    app = sites.app(HOST, CORS_ORIGINS=[sites.other(LISTED)])
    log_in(tab, app)
    tab.visit(f"{sites.other(LISTED)}/empty")
    tab.run(FETCH, f"{app.origin}/write", TYPES)
    by_fetch = statuses(app)
    sites.page(form(f"{app.origin}/write"))
    tab.visit(sites.other(LISTED))
    tab.click("button")
    return ", ".join(sorted({by_fetch, statuses(app)}))


@behaviour("JSON from an origin in `CORS_ORIGINS`, after a preflight", must="200")
def listed_json(tab: Tab, sites: Sites) -> str:
    app = sites.app(HOST, CORS_ORIGINS=[sites.other(LISTED)])
    log_in(tab, app)
    tab.visit(f"{sites.other(LISTED)}/empty")
    headers = '{"Content-Type": "application/json"}'
    tab.run(
        f"await fetch($0, {{method: 'POST', credentials: 'include', headers: {headers}, body: '{{}}'}})",
        f"{app.origin}/write",
    )
    return statuses(app)


@behaviour("a script that `SERVICE_WORKERS` does not list, as a service worker", must="refused")
def unlisted_worker(tab: Tab, sites: Sites) -> str:
    said = installed(tab, sites.app(), PASSING)
    return "refused" if said == NO_WORKERS else said


def installed(tab: Tab, app: App, worker: str) -> str:
    log_in(tab, app)
    tab.visit(f"{app.origin}/probe-page")
    return str(tab.run(REGISTER, worker))


def through(tab: Tab, sites: Sites, worker: str, host: str) -> str:
    """A form of another site, where a worker of the attacked one handles its requests."""
    app, found = sites.app(SERVICE_WORKERS=WORKERS), set()
    said = installed(tab, app, worker)
    if said == NO_WORKERS:
        return REFUSED
    assert said == "installed", said
    for enctype in TYPES[:2]:
        sites.page(form(f"{app.origin}/write", enctype))
        tab.visit(sites.other(host))
        tab.click("button")
        found.add(statuses(app))
    return ", ".join(sorted(found))


row(
    "a form of another site through a worker that passes it on",
    through,
    PASSING,
    "127.0.0.1",
    must=REFUSED,
)
row(
    "a form of another port through a worker that passes it on",
    through,
    PASSING,
    "localhost",
    must=REFUSED,
)
row(
    "a form of another site where the worker leaves writes alone",
    through,
    GUARDED,
    "127.0.0.1",
    must=REFUSED,
)
