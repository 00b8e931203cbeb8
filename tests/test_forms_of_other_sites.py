"""In Chromium, forms of other sites write nothing with a user's login, and log nobody in."""

from __future__ import annotations

import http.server
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import services
from clients import PASSWORD, enter_password
from conftest import NewProject

HOST = "app.shop.test"

# Browsers send the login's cookie with the form of a sibling, since it is the same site.
ATTACKERS = ["evil.test", "evil.shop.test"]
ENCTYPES = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
WRITES = [
    ("/tasks/new", {"title": "Evil"}),
    ("/account/logins/end", {}),
    ("/account/password", {"current_password": PASSWORD, "new_password": "evil is a bad one"}),
    ("/logout", {}),
]
LOGIN = {"username": "eve", "password": PASSWORD}
# As text/plain the whole is JSON.
JSON_IN_TEXT = {f'{{"username": "eve", "password": "{PASSWORD}", "x": "': '"}'}

FRAMES = {
    "page": "{}",
    "frame": '<iframe srcdoc="{}"></iframe>',
    "sandboxed frame": '<iframe sandbox="allow-forms" srcdoc="{}"></iframe>',
}
# What a browser says of a form depends on its type, and not on where it goes: each place by turns.
PLACES = itertools.cycle([*WRITES, ("/login", LOGIN)])
Form = tuple[str, str, dict[str, str]]


def form_of_each_type() -> list[Form]:
    return [(enctype, *next(PLACES)) for enctype in ENCTYPES]


ATTACKS = [
    (host, frame, form_of_each_type()) for host, frame in itertools.product(ATTACKERS, FRAMES)
]


class Attacker(http.server.BaseHTTPRequestHandler):
    """Serves one page to every host that is asked for."""

    page = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.page.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Site:
    """The project, and the port where every other site is."""

    port: int
    attackers_port: int

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    def attack(
        self, page: Page, host: str, path: str, fields: dict[str, str], enctype: str, frame: str
    ) -> int:
        """Have somebody click in a page of an attacker's, which sends a form; the status."""
        inputs = "".join(
            f'<input name="{escape(name)}" value="{escape(value)}">'
            for name, value in fields.items()
        )
        action = f'action="{self.origin}{path}" enctype="{enctype}"'
        form = f'<form method="post" {action}>{inputs}<button>Win</button></form>'
        Attacker.page = FRAMES[frame].format(form if frame == "page" else escape(form))
        with page.context.new_page() as tab:
            tab.goto(f"http://{host}:{self.attackers_port}/")
            button = (tab if frame == "page" else tab.frame_locator("iframe")).get_by_text("Win")
            with tab.expect_response(f"{self.origin}{path}") as answered:
                button.click(no_wait_after=True)
            assert answered.value.request.method == "POST"
            if frame == "page":
                tab.wait_for_url(f"{self.origin}{path}")
            return answered.value.status


@pytest.fixture(scope="module")
def site(new_project: NewProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    log = tmp_path_factory.mktemp("logs") / "log"
    attackers = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Attacker)
    settings = {"TRUSTED_HOSTS": f"{HOST},127.0.0.1", "USERS": "ada eve"}
    with services.serving(new_project(), log, **settings) as server, attackers:
        threading.Thread(target=attackers.serve_forever, daemon=True).start()
        yield Site(server.port, attackers.server_port)
        attackers.shutdown()


@pytest.fixture
def user(site: Site, page: Page) -> Page:
    """Log Ada in, by the page for that."""
    page.goto(f"{site.origin}/login")
    enter_password(page)
    page.wait_for_url(f"{site.origin}/")
    assert who(site, page) == "ada"
    return page


def who(site: Site, page: Page) -> str | None:
    """Return whom the site takes this browser for."""
    answer = page.request.get(f"http://127.0.0.1:{site.port}/me", headers=cookies(site, page))
    return answer.json()["username"] if answer.ok else None


def cookies(site: Site, page: Page) -> dict[str, str]:
    # Playwright's own requests do not know where the host is.
    kept = page.context.cookies(site.origin)
    cookie = "; ".join(f"{each['name']}={each['value']}" for each in kept)
    return {"Host": f"{HOST}:{site.port}", "Cookie": cookie}


def tasks(site: Site, page: Page) -> list[str]:
    answer = page.request.get(
        f"http://127.0.0.1:{site.port}/api/tasks", headers=cookies(site, page)
    )
    return [task["title"] for task in answer.json()["tasks"]]


@pytest.mark.slow
def test_the_own_form_writes(site: Site, user: Page) -> None:
    user.goto(f"{site.origin}/tasks/new")
    user.get_by_label("Title").fill("Bread")
    with user.expect_request(lambda sent: sent.method == "POST") as sent:
        user.get_by_role("button", name="Save").click()
    # As in a LAN: by http a browser sends this only to the machine that it runs on.
    assert "sec-fetch-site" not in sent.value.all_headers()
    expect(user.get_by_role("status")).to_have_text("Added: Bread")
    assert "Bread" in tasks(site, user)


@pytest.mark.slow
@pytest.mark.parametrize(("host", "frame", "forms"), ATTACKS)
def test_a_form_of_another_site_writes_nothing_and_changes_no_login(
    site: Site, user: Page, host: str, frame: str, forms: list[Form], subtests: pytest.Subtests
) -> None:
    before = tasks(site, user)
    for enctype, path, fields in forms:
        with subtests.test(enctype, path=path):
            assert site.attack(user, host, path, fields, enctype, frame) == 403
    assert who(site, user) == "ada"
    assert tasks(site, user) == before


@pytest.mark.slow
@pytest.mark.parametrize("host", ATTACKERS)
@pytest.mark.parametrize("frame", FRAMES)
def test_a_form_of_another_site_logs_nobody_in(
    site: Site, page: Page, host: str, frame: str
) -> None:
    assert site.attack(page, host, "/login", LOGIN, ENCTYPES[0], frame) == 403
    assert site.attack(page, host, "/login", JSON_IN_TEXT, ENCTYPES[2], frame) == 403
    assert who(site, page) is None
