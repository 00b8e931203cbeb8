"""What a login leaves in a browser, what is left after it, and what a script can plant."""

from __future__ import annotations

from engines.behaviours import behaviour, row
from engines.sites import App, Sites
from engines.tab import Tab

USERNAME, PASSWORD = "ada", "correct horse battery staple 1837"
ATTACKER = "mallory"
COOKIE = "__Host-Http-session"
WHO = "return (await (await fetch('/me')).json()).username"
LOG_IN = """
    const headers = {"Content-Type": "application/json"};
    const body = JSON.stringify({username: $0, password: $1});
    return (await fetch("/login", {method: "POST", headers, body})).status;
"""
# A browser that keeps fewer cookies of one site drops the oldest, a little later. So the script
# tries again until it sees the cookie that it planted.
FILL_AND_PLANT = """
    const cookie = `${$0}=${$1}`;
    for (let round = 0; round < 10 && !document.cookie.includes(cookie); round++) {
        for (let number = 0; number < 400; number++) {
            document.cookie = `full${number}=x; Secure; Path=/`;
        }
        await fetch("/healthz");
        document.cookie = `${cookie}; Secure; Path=/`;
        await fetch("/healthz");
    }
"""
LOG_OUT = "form[action$='/logout'] button"


def log_in(tab: Tab, app: App, username: str = USERNAME) -> None:
    """Log in as a user does, by the page's form, in a browser that was never used."""
    tab.forget()
    tab.visit(f"{app.origin}/login")
    tab.fill("#username", username)
    tab.fill("#password", PASSWORD)
    tab.click("main button[type=submit]")
    tab.wait_for("location.pathname === '/' && document.readyState === 'complete'")


def log_out(tab: Tab, app: App) -> None:
    tab.click(LOG_OUT)
    assert app.noted("POST", "/logout")["status"] == 303
    # The page is there again, without the button.
    tab.wait_for("document.readyState === 'complete' && !document.querySelector($0)", LOG_OUT)


def works(done: object) -> str:
    return "works" if done else "fails"


def login_and_logout(tab: Tab, sites: Sites, https: bool) -> str:
    app = sites.app(https=https)
    log_in(tab, app)
    logged_in = tab.run(WHO) == USERNAME
    log_out(tab, app)
    return works(logged_in and tab.run(WHO) is None)


row("login and logout by the form, over http", login_and_logout, False, must="works")
row("login and logout by the form, over https", login_and_logout, True, must="works")


@behaviour("login by a script of the page's own", must="works")
def login_by_script(tab: Tab, sites: Sites) -> str:
    tab.forget()
    tab.visit(f"{sites.app().origin}/probe-page")
    return works(tab.run(LOG_IN, USERNAME, PASSWORD) == 200 and tab.run(WHO) == USERNAME)


@behaviour("the login's cookie, over https", must="HttpOnly, Secure, SameSite=Lax")
def cookie(tab: Tab, sites: Sites) -> str:
    log_in(tab, sites.app(https=True))
    kept = tab.cookies()[COOKIE]
    flags = [name for name in ("HttpOnly", "Secure") if kept[name[0].lower() + name[1:]]]
    return ", ".join([*flags, f"SameSite={kept['sameSite'].capitalize()}"])


@behaviour("what scripts see of it", must="nothing")
def cookie_for_scripts(tab: Tab, sites: Sites) -> str:
    log_in(tab, sites.app(https=True))
    return str(tab.run("return document.cookie")) or "nothing"


@behaviour("a `Secure` cookie over http on localhost")
def secure_cookie_over_http(tab: Tab, sites: Sites) -> str:
    tab.visit(f"{sites.other('localhost')}/empty")
    tab.run("document.cookie = 'name=value; Secure'")
    return "kept" if tab.run("return document.cookie") else "refused"


@behaviour("`localStorage` after logout (`Clear-Site-Data`), over https")
def storage_over_https(tab: Tab, sites: Sites) -> str:
    app = sites.app(https=True)
    log_in(tab, app)
    tab.run("localStorage.draft = 'private'")
    log_out(tab, app)
    return "kept" if tab.run("return localStorage.draft") else "cleared"


@behaviour("the account page by Back after logout", must="not shown")
def back_after_logout(tab: Tab, sites: Sites) -> str:
    app = sites.app(https=True)
    log_in(tab, app)
    tab.visit(f"{app.origin}/account")
    log_out(tab, app)
    tab.run("history.back()")
    path = tab.wait_for("['/account', '/login'].find((path) => path === location.pathname)")
    return "shown" if path == "/account" else "not shown"


def planted_login(tab: Tab, sites: Sites, logged_in: bool) -> str:
    app = sites.app(https=True)
    log_in(tab, app, ATTACKER)
    login = str(tab.cookies()[COOKIE]["value"])
    if logged_in:
        log_in(tab, app)
    else:
        tab.forget()
        tab.visit(f"{app.origin}/login")
    tab.run(FILL_AND_PLANT, COOKIE, login)
    return "works" if tab.run(WHO) == ATTACKER else "refused"


PLANTED = "an attacker's login that a script plants"
row(f"{PLANTED} in a full cookie jar", planted_login, True, must="refused")


# This row shows that the prefix stops the attack of the row above, not something else.
@behaviour("a cookie with the prefix `__Host-` alone that a script plants in a full cookie jar")
def planted_host_cookie(tab: Tab, sites: Sites) -> str:
    page = f"{sites.app(https=True).origin}/marked"
    tab.forget()
    tab.visit(page)
    tab.run(FILL_AND_PLANT, "__Host-mark", ATTACKER)
    tab.visit(page)
    return "works" if tab.text("#mark") == ATTACKER else "refused"


row(f"{PLANTED} where nobody is logged in", planted_login, False)
