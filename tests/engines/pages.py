"""What a page of the site, its workers and uploaded files may do, and what is reported."""

from __future__ import annotations

import json
from typing import Any

from engines.behaviours import behaviour, row
from engines.sites import Sites
from engines.tab import Tab

UPLOADS = [
    *("image/svg+xml", "text/xml", "application/xhtml+xml", "text/html"),
    *("text/plain", "application/json"),
]
REFERRER = (
    "location.origin === $0 && document.readyState === 'complete' && {from: document.referrer}"
)


@behaviour("a script injected into the start page", must="blocked")
def injected_script(tab: Tab, sites: Sites) -> str:
    tab.visit(sites.app().origin)
    tab.click("#try-attack")
    said = tab.wait_for(
        "['Blocked', 'It ran'].find((words) => "
        "document.getElementById('attack-result').textContent.startsWith(words))"
    )
    return str(said).lower()


@behaviour("a worker fetches from its own site, from another", must="yes, no")
def worker(tab: Tab, sites: Sites) -> str:
    tab.visit(f"{sites.app().origin}/worker-page")
    return str(tab.wait_for("document.getElementById('said').textContent"))


@behaviour("scripts in uploaded files that are opened", must="none runs")
def uploads(tab: Tab, sites: Sites) -> str:
    app = sites.app()
    for kind in UPLOADS:
        tab.visit(f"{app.origin}/upload?type={kind.replace('+', '%2B')}")
    tab.visit(f"{app.origin}/healthz")
    paths = app.asked()
    assert paths.count("/upload") == len(UPLOADS)
    return "some run" if "/ran" in paths else "none runs"


@behaviour("what another site learns of the page that links to it", must="its origin")
def referrer(tab: Tab, sites: Sites) -> str:
    app = sites.app()
    tab.visit(f"{app.origin}/links")
    tab.click("a")
    sent = tab.wait_for(REFERRER, sites.other(https=True))["from"]
    return "its origin" if sent == f"{app.origin}/" else str(sent)


@behaviour("`Permissions-Policy` of `geolocation=()`")
def permissions(tab: Tab, sites: Sites) -> str:
    tab.visit(sites.app().origin)
    asked = "return (await navigator.permissions.query({name: 'geolocation'})).state"
    return "obeyed" if tab.run(asked) == "denied" else "not seen"


def report(tab: Tab, sites: Sites, https: bool) -> str:
    """Say in which form a report comes, and whether it tells a policy that only reports."""
    found = [a_report(tab, sites, https=https, only=only) for only in (False, True)]
    reported = [disposition for _, disposition in found]
    says = {("enforce", "report"): "with", (None, None): "without"}[reported[0], reported[1]]
    return f"`{found[0][0]}`, {says} `disposition`"


row("a CSP report over http", report, False)
row("a CSP report over https", report, True)


def a_report(tab: Tab, sites: Sites, *, https: bool, only: bool) -> tuple[str, str | None]:
    app = sites.app(https=https, report_only=only)
    tab.visit(f"{app.origin}/blocked")
    sent = app.noted("POST", "/csp-reports")
    assert sent["status"] == 204
    body: Any = json.loads(sent["body"])
    body = body[0] if isinstance(body, list) else body
    violation = body.get("csp-report") or body["body"]
    kind = sent["headers"]["Content-Type"]
    form = "csp-report" if "csp-report" in body else "Reporting API"
    return (kind if form in kind or "reports" in kind else f"{kind}` in the form of the `{form}"), (
        violation.get("disposition")
    )
