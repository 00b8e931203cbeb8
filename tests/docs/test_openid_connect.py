"""The recipe of OpenID Connect against a certified provider, and attacks on its login.

Source of the attacks: RFC 9700, section 4; OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import http.cookiejar
import json
import shutil
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import following
import services
import support
from conftest import NewProject

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

PAGE = support.PAGES / "recipes" / "openid-connect.md"
BACK = "/login/oidc/callback"
RECENT, EDITORS = "/api/probe/recent", "/api/probe/editors"
REFUSED = 401


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: object) -> None:
        return None


@dataclass
class Answer:
    status: int
    location: str
    text: str
    cookies: list[str]


class Browser:
    """Keeps cookies, and follows no redirect by itself."""

    def __init__(self) -> None:
        # One for each port, as a browser has for each host.
        self.openers: dict[str, urllib.request.OpenerDirector] = {}

    def open(
        self,
        address: str,
        data: bytes | None = None,
        accept: str = "text/html",
        token: str | None = None,
    ) -> Answer:
        origin = urllib.parse.urlsplit(address).netloc
        if origin not in self.openers:
            cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            self.openers[origin] = urllib.request.build_opener(_NoRedirect, cookies)
        headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(address, data, headers)
        try:
            response = self.openers[origin].open(request, timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        location = response.headers.get("Location") or ""
        location = urllib.parse.urljoin(address, location) if location else ""
        set_cookies = response.headers.get_all("Set-Cookie") or []
        return Answer(response.status, location, response.read().decode(), set_cookies)


@dataclass(frozen=True)
class Site:
    """The served project and both issuers of the provider."""

    address: str
    issuer: str
    other: str
    project: Path

    def says(self, account: str, **claims: object) -> None:
        """Let the provider say this of an account from now on."""
        query = urllib.parse.urlencode({"claims": json.dumps(claims)})
        with urllib.request.urlopen(f"{self.issuer}/accounts/{account}?{query}", timeout=60):
            pass

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.project / "instance" / "app.db") as database:
            return database.execute(query).fetchall()


@dataclass
class Visit:
    """A browser at the site."""

    site: Site
    browser: Browser = field(default_factory=Browser)

    def get(self, path: str) -> Answer:
        return self.browser.open(f"{self.site.address}{path}")

    def begin(self, path: str = "/login/oidc") -> str:
        """Where the site leads to log in."""
        led = self.get(path)
        assert led.status == 303, led
        return led.location

    def answer_of_provider(self, address: str, account: str = "ada", **shown: str) -> str:
        """Log in at the provider; where it leads back to."""
        query = urllib.parse.urlencode({"account": account, "ago": "0", **shown})
        led = self.browser.open(address)
        while not led.location.startswith(self.site.address):
            assert led.location, led
            there = led.location
            led = self.browser.open(f"{there}?{query}" if "/interaction/" in there else there)
        return led.location

    def come_back(self, path: str = "/login/oidc", account: str = "ada", **shown: str) -> Answer:
        """Do all of a login."""
        return self.browser.open(self.answer_of_provider(self.begin(path), account, **shown))

    @property
    def is_logged_in(self) -> bool:
        return self.browser.open(f"{self.site.address}/me", accept="application/json").status == 200

    @property
    def me(self) -> dict[str, object]:
        return dict(json.loads(self.get("/me").text))

    @property
    def is_recent(self) -> bool:
        """Whether a page that asks for a recent login opens."""
        return self.get(RECENT).status == 200


def changed(address: str, **members: str | None) -> str:
    """An address with other members in its query; None removes one."""
    parts = urllib.parse.urlsplit(address)
    query = {**dict(urllib.parse.parse_qsl(parts.query)), **members}
    kept = {name: value for name, value in query.items() if value is not None}
    return parts._replace(query=urllib.parse.urlencode(kept)).geturl()


def begun_state(visit: Visit) -> str:
    """The state of a login that somebody begins."""
    return urllib.parse.parse_qs(urllib.parse.urlsplit(visit.begin()).query)["state"][0]


def assert_logs_nobody_in(visit: Visit, address: str) -> None:
    """An answer of the provider at this address is refused."""
    assert visit.browser.open(address).status == REFUSED
    assert not visit.is_logged_in


PROBES = """

@blueprint.get("/probe/recent")
@recent_login
def probe_recent() -> str:
    return ""


@blueprint.get("/probe/editors")
@roles_required("editor")
def probe_editors() -> str:
    return ""
"""


@pytest.fixture(scope="module")
def followed(ready_project: NewProject) -> Path:
    """A render in which somebody followed the page."""
    project = ready_project()
    following.write_files(project, PAGE)
    settings = "OIDC_ISSUER=https://id.example.org\nOIDC_CLIENT_ID=site\n"
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write(
            f"{settings}OIDC_CLIENT_SECRET='a secret of this test alone, for no other use'\n"
        )
    for command in (("migrate", "-m", "identities"), ("upgrade",)):
        support.python("-m", "flask", "db", *command, cwd=project)
    return project


@pytest.fixture(scope="module")
def site(
    followed: Path, node_programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("provider")
    (folder / "node_modules").symlink_to(node_programs.parent)
    shutil.copy(Path(__file__).with_name("openid_provider.mjs"), folder)
    project = Path(shutil.copytree(followed, folder / "my-service", symlinks=True))
    with (project / "app" / "api.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\nfrom secure_flask import recent_login, roles_required\n{PROBES}")
    module = project / "app" / "oidc.py"
    module.write_text(
        module.read_text("utf-8").replace("30 per minute", "9999 per minute"), "utf-8"
    )
    ports = [support.free_port() for _ in range(3)]
    address, issuer, other = (f"http://127.0.0.1:{port}" for port in ports)
    command = ("node", "openid_provider.mjs", issuer, other, f"{address}{BACK}")
    with support.started(*command, cwd=folder, log=folder / "provider.log") as process:
        support.wait_for(ports[1], process, folder / "provider.log")
        settings = {"PORT": str(ports[0]), "OIDC_ISSUER": issuer}
        with services.serving(project, folder / "log", **settings):
            yield Site(address, issuer, other, project)


@pytest.fixture
def visit(site: Site) -> Visit:
    return Visit(site)


def test_a_user_logs_in_and_is_the_same_the_next_time(visit: Visit) -> None:
    assert not visit.is_logged_in
    assert visit.come_back("/login/oidc?next=/tasks").location == f"{visit.site.address}/tasks"
    first = visit.me
    again = Visit(visit.site)
    again.come_back()
    assert again.me == first
    somebody = Visit(visit.site)
    somebody.come_back(account="bob")
    assert somebody.me["id"] != first["id"]


# The attacks.


@pytest.mark.asvs("6.8.1")
def test_another_issuer_that_answers_is_refused(visit: Visit) -> None:
    """Mix-up: the code is of another provider, which leads back here."""
    begun = visit.begin()
    elsewhere = begun.replace(visit.site.issuer, visit.site.other)
    answer = visit.answer_of_provider(elsewhere)
    assert urllib.parse.quote(visit.site.other, safe="") in answer
    assert_logs_nobody_in(visit, answer)


@pytest.mark.parametrize("named", [None, "", "https://id.example.org"])
def test_an_answer_that_names_no_issuer_or_another_is_refused(
    visit: Visit, named: str | None
) -> None:
    answer = visit.answer_of_provider(visit.begin())
    assert_logs_nobody_in(visit, changed(answer, iss=named))


def test_a_provider_whose_metadata_name_another_issuer_is_not_asked(
    site: Site, tmp_path: Path
) -> None:
    """As those of Entra's `common`; localhost is another name than 127.0.0.1."""
    named = site.issuer.replace("127.0.0.1", "localhost")
    project = Path(shutil.copytree(site.project, tmp_path / "my-service", symlinks=True))
    with services.serving(project, tmp_path / "log", OIDC_ISSUER=named) as server:
        assert Browser().open(f"http://127.0.0.1:{server.port}/login/oidc").status == 503


def test_an_answer_works_once(visit: Visit) -> None:
    answer = visit.answer_of_provider(visit.begin())
    assert visit.browser.open(answer).status == 303
    assert visit.browser.open(answer).status == REFUSED


def test_a_code_that_was_used_opens_no_other_login(visit: Visit) -> None:
    """A replayed code, in an answer to a login that the attacker began."""
    used = visit.answer_of_provider(visit.begin())
    assert visit.browser.open(used).status == 303
    attacker = Visit(visit.site)
    assert_logs_nobody_in(attacker, changed(used, state=begun_state(attacker)))


def test_a_stolen_code_is_of_no_use_in_another_browser(visit: Visit) -> None:
    """A code that nobody has used: PKCE and the nonce bind it to the browser that began."""
    stolen = visit.answer_of_provider(visit.begin())
    attacker = Visit(visit.site)
    assert_logs_nobody_in(attacker, changed(stolen, state=begun_state(attacker)))


@pytest.mark.parametrize("state", [None, "", "another"])
def test_a_swapped_state_is_refused(visit: Visit, state: str | None) -> None:
    answer = visit.answer_of_provider(visit.begin())
    assert_logs_nobody_in(visit, changed(answer, state=state))


@pytest.mark.parametrize("begins", [False, True], ids=["before it begins", "after it began"])
def test_nobody_is_logged_in_as_the_attacker(visit: Visit, begins: bool) -> None:
    """Login CSRF: the attacker's answer, opened in the victim's browser, which has begun or not."""
    answer = Visit(visit.site)
    if begins:
        visit.begin()
    bait = answer.answer_of_provider(answer.begin(), "mallory")
    assert_logs_nobody_in(visit, bait)


def test_an_answer_that_is_posted_is_refused(visit: Visit) -> None:
    answer = visit.answer_of_provider(visit.begin())
    parts = urllib.parse.urlsplit(answer)
    posted = visit.browser.open(f"{visit.site.address}{BACK}", parts.query.encode())
    assert posted.status in (403, 405)
    assert not visit.is_logged_in


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "/nowhere", "/login"]
)
def test_no_address_leads_to_another_site(visit: Visit, target: str) -> None:
    """Open redirect: by `next` at the begin, and by one beside the answer."""
    query = urllib.parse.urlencode({"next": target})
    answer = visit.answer_of_provider(visit.begin(f"/login/oidc?{query}"))
    led = visit.browser.open(changed(answer, next=target))
    assert (led.status, led.location) == (303, f"{visit.site.address}/")


@pytest.mark.parametrize("token", ["x", "sfk_x"])
def test_a_bearer_token_beside_the_answer_gets_no_cookie(visit: Visit, token: str) -> None:
    """Such a request loses its cookies, and so what this browser had begun."""
    answer = visit.answer_of_provider(visit.begin())
    by_program = visit.browser.open(answer, token=token)
    assert (by_program.status, by_program.cookies) == (REFUSED, [])
    assert not visit.is_logged_in


@pytest.mark.asvs("6.8.1")
@pytest.mark.parametrize(
    ("account", "verified"), [("first", False), ("second", True), ("third", "true")]
)
def test_an_address_links_nobody(visit: Visit, account: str, verified: object) -> None:
    """The owner of the address is here already; an attacker claims it at the provider."""
    site = visit.site
    support.python("-m", "flask", "user", "email", "ada", "ada@example.org", cwd=site.project)
    site.says(account, email="ada@example.org", email_verified=verified)
    attacker = Visit(site)
    attacker.come_back(account=account)
    assert str(attacker.me["username"]).startswith("user-")
    assert attacker.me["email"] is None


@pytest.mark.parametrize(("verified", "is_kept"), [(True, True), (False, False), ("true", False)])
def test_only_a_verified_address_is_kept(visit: Visit, verified: object, is_kept: bool) -> None:
    account = f"kept-{verified}-{type(verified).__name__}"
    address = f"{account}@example.org"
    visit.site.says(account, email=address, email_verified=verified)
    visit.come_back(account=account)
    assert visit.me["email"] == (address if is_kept else None)


def test_a_role_that_was_taken_away_is_gone_with_the_next_login(visit: Visit) -> None:
    site, former = visit.site, Visit(visit.site)
    site.says("eve", roles=["site-editors", "admin"])
    former.come_back(account="eve")
    assert former.me["roles"] == ["editor"]
    assert former.get(EDITORS).status == 200
    site.says("eve", roles=[])
    visit.come_back(account="eve")
    # On each of the user's devices.
    assert {visit.get(EDITORS).status, former.get(EDITORS).status} == {403}


@pytest.mark.parametrize(
    "roles",
    [["admin"], [["site-editors"]], "site-editors", {"site-editors": 1}, None],
    ids=["another", "a list in it", "a text", "an object", "nothing"],
)
def test_no_claim_gives_a_role_that_is_not_listed(visit: Visit, roles: object) -> None:
    visit.site.says("trent", roles=roles)
    assert visit.come_back(account="trent").status == 303
    assert visit.me["roles"] == []


# What the login is like.


def test_a_login_is_as_old_as_at_the_provider(visit: Visit) -> None:
    visit.come_back(account="old", ago="3600")
    assert not visit.is_recent


def test_a_recent_login_is_asked_for_at_the_provider(visit: Visit) -> None:
    visit.come_back(account="again", ago="3600")
    wanted = visit.get(RECENT)
    assert wanted.location == f"{visit.site.address}/login/oidc/again?next={RECENT}"
    path = wanted.location.removeprefix(visit.site.address)
    begun = visit.begin(path)
    assert {"prompt=login", "max_age=0"} <= set(urllib.parse.urlsplit(begun).query.split("&"))
    back = visit.browser.open(visit.answer_of_provider(begun, "again"))
    assert back.location.endswith(RECENT)
    assert visit.is_recent


def test_a_provider_that_did_not_ask_again_makes_no_login_recent(visit: Visit) -> None:
    """The attacker takes the demand out of the address on its way through the browser."""
    visit.come_back(account="lazy", ago="3600")
    begun = visit.begin(f"/login/oidc/again?next={RECENT}")
    answer = visit.answer_of_provider(changed(begun, prompt=None, max_age=None), "lazy")
    assert visit.browser.open(answer).status == REFUSED
    assert not visit.is_recent


@pytest.mark.parametrize("account", ["other", "new"])
def test_a_recent_login_is_of_the_user_who_was_asked(visit: Visit, account: str) -> None:
    """In Flask-Security 5.8.0 anybody's account did (GHSA-97r5-pg8x-p63p, 2026)."""
    visit.come_back(account="asked", ago="3600")
    asked = visit.me
    Visit(visit.site).come_back(account="other")
    begun = visit.begin(f"/login/oidc/again?next={RECENT}")
    # The provider has forgotten who was there.
    visit.browser.openers.pop(urllib.parse.urlsplit(begun).netloc, None)
    assert visit.browser.open(visit.answer_of_provider(begun, account)).status == REFUSED
    assert visit.me == asked
    assert not visit.is_recent


def test_the_former_login_of_the_browser_ends(visit: Visit) -> None:
    visit.come_back(account="twice")
    count = "select count(*) from logins"
    [before] = visit.site.rows(count)
    visit.come_back(account="twice")
    assert visit.site.rows(count) == [before]


def test_a_disabled_user_is_refused(visit: Visit) -> None:
    visit.come_back(account="gone")
    name = str(visit.me["username"])
    support.python("-m", "flask", "user", "disable", name, cwd=visit.site.project)
    again = Visit(visit.site)
    assert again.come_back(account="gone").status == REFUSED
    assert not visit.is_logged_in
    assert not again.is_logged_in


def test_an_operator_links_a_user_who_is_here(visit: Visit) -> None:
    support.python(
        "-m",
        "flask",
        "oidc",
        "link",
        "ada",
        "of-ada",
        cwd=visit.site.project,
        OIDC_ISSUER=visit.site.issuer,
    )
    visit.come_back(account="of-ada")
    assert visit.me["username"] == "ada"


def test_the_user_has_no_password(visit: Visit) -> None:
    visit.come_back(account="without")
    stored = dict(visit.site.rows("select name, password_hash from users"))
    assert stored[visit.me["username"]] == "!"
