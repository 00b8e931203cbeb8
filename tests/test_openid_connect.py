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

pytestmark = [pytest.mark.all, pytest.mark.slow]

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


FORGED = """
import hmac
import json
import time
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey

ISSUER, SUB = "https://id.example.org", {"sub": "ada"}
KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": "a"}) for _ in range(2))
# Confusion of algorithms: the public key, which everybody knows, as the secret of an HMAC.
PUBLIC = KEY.as_pem(private=False)


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def signed(claims: dict[str, Any], key: Any, alg: str) -> str:
    head = {"alg": alg, "kid": "a"}
    if alg == "RS256":
        return jwt.encode(head, claims, key)
    text = ".".join(encoded(json.dumps(each).encode()) for each in (head, claims))
    signature = hmac.digest(PUBLIC, text.encode(), "sha256") if alg == "HS256" else b""
    return f"{text}.{encoded(signature)}"


def address_back(app: Flask, client: FlaskClient, key: Any, alg: str, **changes: Any) -> str:
    # Where the provider leads back to. It gives a token with these claims for the code.
    oidc = app.extensions["oidc"]
    metadata = {"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/auth", "token_endpoint": "-"}
    metadata["id_token_signing_alg_values_supported"] = ["RS256", "HS256", "none"]
    jwks = {"keys": [KEY.as_dict(private=False)]}
    oidc.server_metadata.update(metadata, jwks=jwks, jwks_uri="-", _loaded_at=time.time())
    sent = parse_qs(urlsplit(client.get("/login/oidc").location).query)
    claims = {"iss": ISSUER, "aud": oidc.client_id, "iat": time.time(), "exp": time.time() + 60}
    claims |= {"nonce": sent["nonce"][0], **SUB, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    token = {"access_token": "a", "id_token": signed(claims, key, alg)}
    oidc.fetch_access_token = lambda **_: {name: each for name, each in token.items() if each}
    oidc.fetch_jwk_set = lambda force=False: jwks
    return f"/login/oidc/callback?code=a&state={sent['state'][0]}"


def answer(app: Flask, client: FlaskClient, key: Any, alg: str, **changes: Any) -> int:
    return client.get(address_back(app, client, key, alg, **changes)).status_code


def test_a_right_token_logs_in(app: Flask, client: FlaskClient) -> None:
    said = {"email": "ada.lovelace@example.org", "email_verified": True}
    for sub in ("ada", "bob"):
        assert answer(app, client, KEY, "RS256", sub=sub, **said) == 303
        me = client.get("/me").get_json()
        assert me["email"] == (said["email"] if sub == "ada" else None)


@pytest.mark.parametrize("said", [["a"], ["a@b.example"], "a", "", "jörg@", 1, {}, None], ids=str)
def test_what_is_no_address_bars_nobody(app: Flask, client: FlaskClient, said: object) -> None:
    assert answer(app, client, KEY, "RS256", email=said, email_verified=True) == 303
    assert client.get("/me").get_json()["email"] is None


def test_an_address_that_gets_no_mail_here_bars_nobody(app: Flask, client: FlaskClient) -> None:
    said = "jörg@example.org"
    assert answer(app, client, KEY, "RS256", email=said, email_verified=True) == 303
    # A project with accounts=self-service omits the address, which not every mail server takes.
    assert client.get("/me").get_json()["email"] in (None, said)


def test_two_answers_at_once_with_one_state_are_one_login(app: Flask, client: FlaskClient) -> None:
    back, oidc = address_back(app, client, KEY, "RS256"), app.extensions["oidc"]
    own = client.get_cookie("dev-flask")
    cookies = {"HTTP_COOKIE": f"{own.key}={own.value}"}
    fetch, second = oidc.fetch_access_token, list[int]()

    def answer_meanwhile(**given: Any) -> Any:
        oidc.fetch_access_token = fetch
        other = app.test_client(use_cookies=False)
        second.append(other.get(back, environ_base=cookies).status_code)
        return fetch(**given)

    oidc.fetch_access_token = answer_meanwhile
    first = client.get(back).status_code
    assert (first, second) == (303, [401])
    assert len(client.get("/sessions").get_json()["sessions"]) == 1


def test_of_five_answers_at_once_one_is_told_to_wait_and_works_then(app: Flask) -> None:
    oidc, begun, answers = app.extensions["oidc"], [], []
    for _ in range(5):
        client = app.test_client()
        begun.append((client, address_back(app, client, KEY, "RS256"), oidc.fetch_access_token))

    # Each waits for the provider until the next one has its answer.
    def come_back(number: int) -> None:
        client, back, fetch = begun[number]

        def hang(**given: Any) -> Any:
            come_back(number + 1)
            return fetch(**given)

        oidc.fetch_access_token = hang if number < 4 else fetch
        answer = client.get(back)
        answers.append((answer.status_code, answer.headers.get("Retry-After")))

    come_back(0)
    come_back(4)
    assert answers == [(503, "3"), *[(303, None)] * 5]


def test_each_call_of_the_provider_ends_after_three_seconds(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def send(adapter: object, request: requests.PreparedRequest, **options: Any) -> Any:
        asked[request.url] = options["timeout"]
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    oidc, back = app.extensions["oidc"], address_back(app, client, KEY, "RS256")
    # What other tests put in place of these two.
    del oidc.fetch_access_token, oidc.fetch_jwk_set
    oidc.server_metadata.update(token_endpoint=f"{ISSUER}/token", jwks_uri=f"{ISSUER}/keys", jwks=None)
    assert client.get(back).status_code == 401
    with pytest.raises(requests.ConnectTimeout):
        oidc.fetch_jwk_set()
    oidc.server_metadata.clear()
    assert client.get("/login/oidc").status_code == 503
    metadata = f"{ISSUER}/.well-known/openid-configuration"
    assert asked == dict.fromkeys([f"{ISSUER}/token", f"{ISSUER}/keys", metadata], 3)


def test_a_provider_that_hangs_stops_no_logout(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(adapter: object, request: requests.PreparedRequest, **options: Any) -> Any:
        raise requests.ConnectTimeout

    assert answer(app, client, KEY, "RS256") == 303
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    app.extensions["oidc"].server_metadata.clear()
    left = client.post("/logout/oidc", data={"a": "b"}, headers={"Origin": "http://localhost"})
    assert (left.status_code, left.location) == (303, "http://localhost/")
    assert client.get("/me").status_code == 401


def test_a_key_lasts_no_longer_than_a_login(app: Flask, client: FlaskClient) -> None:
    assert answer(app, client, KEY, "RS256", auth_time=int(time.time())) == 303
    own = {"Origin": "http://localhost"}
    assert client.post("/keys", json={"name": "Backup"}, headers=own).status_code == 201
    [key] = client.get("/keys").get_json()["keys"]
    assert key["expires"] - key["created"] == app.config["LOGIN_LIFETIME"] == 4 * 3600


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"], "azp": "CLIENT"},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"exp": 1},
        {"exp": None},
    ],
    ids=str,
)
def test_a_token_for_somebody_else_is_refused(
    app: Flask, client: FlaskClient, changes: dict[str, Any]
) -> None:
    if "azp" in changes:
        changes["azp"] = app.extensions["oidc"].client_id
    assert answer(app, client, KEY, "RS256", **changes) == 401
    assert client.get("/me").status_code == 401


# In production it is only a warning.
@pytest.mark.filterwarnings("ignore:JWS algorithm")
@pytest.mark.parametrize(("key", "alg"), [(OTHER_KEY, "RS256"), (None, "HS256"), (None, "none")])
def test_a_token_that_another_key_signed_is_refused(
    app: Flask, client: FlaskClient, key: Any, alg: str
) -> None:
    assert answer(app, client, key, alg) == 401
    assert client.get("/me").status_code == 401


def test_an_answer_without_a_token_is_refused(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwt, "encode", lambda *_: None)
    assert answer(app, client, KEY, "RS256") == 401
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
    shutil.copy(services.SCRIPTS / "openid_provider.mjs", folder)
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


@pytest.mark.recipes
def test_its_own_tests_and_types_are_right(followed: Path) -> None:
    support.own_tests(followed)
    support.python("-m", "mypy", cwd=followed)
    support.python("-m", "ruff", "check", "--no-cache", cwd=followed)


@pytest.mark.asvs("6.8.2")
@pytest.mark.parametrize("accounts", support.CHOICES["accounts"])
def test_no_forged_token_logs_in(ready_project: NewProject, accounts: str) -> None:
    """The provider makes none, so these come from a key of the test."""
    project = ready_project(accounts=accounts)
    following.write_files(project, PAGE)
    (project / "tests" / "test_forged_tokens.py").write_text(FORGED, "utf-8")
    support.own_tests(project, "tests/test_forged_tokens.py", "tests/test_oidc.py")


@pytest.mark.recipes
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


@pytest.mark.recipes
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


@pytest.mark.recipes
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


@pytest.mark.recipes
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
