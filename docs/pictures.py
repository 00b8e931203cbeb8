"""Photographs pages of two projects, with the people of `flask seed`: `make pictures`."""

import os
import shutil
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pyotp
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tools.benchmarks.rendered import TEMPLATE, render, temporary_folder
from tools.demo import SEEDED

sys.path.insert(0, str(TEMPLATE / "tests"))

import following
import support

DOCS = Path(__file__).parent
# The same picture is in each project's README.
OF_A_PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}" / "docs" / "start-page.png"
NAMES = ("chromium", "chromium-browser", "google-chrome")

WIDTH = 1120
# Two of these next to each other can still be read at the 880 pixels that GitHub shows.
SMALL = 580
# Passkeys are kept in two places, since a device has at most one for an account.
DEVICES = {"Phone": "internal", "Security key": "usb"}
# Numbers that Ofcom keeps free for fiction.
SHIPS = {
    "Calypso": "+44 20 7946 0118",
    "Mary Celeste": "+44 20 7946 0731",
    "Nautilus": "+44 20 7946 0452",
}
NAME = "Harbour Log"
# All of it has just been made, and a slow machine would show "1 minute ago".
NOW = """times => times.filter(time => new Date(time.dateTime) < new Date())
  .forEach(time => { time.textContent = 'now' })"""

SHEET = f"""<!doctype html><style>
body {{ display: grid; grid-template-columns: auto auto; gap: 16px; width: max-content; margin: 0;
  padding: 16px; background: #d5dbe1; font: 600 19px system-ui, sans-serif; color: #1c2730 }}
figure {{ margin: 0 }}
figcaption {{ margin: 0 4px 8px }}
img {{ display: block; width: {SMALL}px; border-radius: 8px }}
</style>"""


@dataclass
class Photographer:
    """A browser at a served project."""

    page: Page
    folder: Path
    passwords: dict[str, str]
    # The four pages of the README, each with its caption.
    small: dict[str, bytes] = field(default_factory=dict)

    def take(self, name: str, height: int) -> None:
        """Save what the page shows, light and dark; the height is in pixels of CSS."""
        for look, ending in {"light": "", "dark": "-dark"}.items():
            self._show(look, {"width": WIDTH, "height": height})
            save(self.folder / f"{name}{ending}.png", self.page.screenshot())

    def take_small(
        self, caption: str, height: int, *, look: str = "light", top: str = "body"
    ) -> None:
        """Photograph one of the four; both of a row have a height at which neither cuts a line."""
        self._show(look, {"width": SMALL, "height": height})
        self.page.locator(top).evaluate("each => scrollTo(0, each.offsetTop - 24)")
        self.small[caption] = self.page.screenshot()

    def press(self, text: str) -> None:
        self.page.get_by_role("main").get_by_role("button", name=text, exact=True).click()

    def log_in(self, name: str) -> None:
        self.page.goto("/login")
        self.page.fill("#username", name)
        self.page.fill("#password", self.passwords[name])
        self.press("Log in")
        self.page.wait_for_url("**/")

    def _show(self, look: Any, size: Any) -> None:
        self.page.emulate_media(color_scheme=look)
        self.page.set_viewport_size(size)
        # A button looks different under the pointer, and a field with the focus.
        self.page.mouse.move(0, 0)
        self.page.evaluate("document.activeElement.blur()")
        self.page.evaluate("scrollTo(0, 0)")
        self.page.eval_on_selector_all("time", NOW)


def main(folder: Path = DOCS) -> None:
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not chromium:
        sys.exit(f"It needs a browser: one of {', '.join(NAMES)}, or its path in CHROMIUM.")
    with sync_playwright() as playwright, temporary_folder() as made:
        browser = playwright.chromium.launch(executable_path=chromium)
        tutorial(browser, folder, Path(made))
        accounts(browser, folder, Path(made))
        browser.close()


def tutorial(browser: Browser, folder: Path, made: Path) -> None:
    """The start page with the default answers, and the page that the tutorial builds."""
    project = set_up(made / "tutorial")
    text = (DOCS / "tutorial.md").read_text("utf-8").partition("\n## Third message")[0]
    for step in following.blocks(text):
        if step.file:
            following.write(project, step)
    for change in ("migrate", "upgrade"):
        support.python("-m", "flask", "db", change, cwd=project)
    with served(browser, project, folder) as photographer:
        attack(photographer.page)
        photographer.page.wait_for_selector("[data-sent=true]", state="attached")
        photographer.take("start-page", 1110)
        arrivals(photographer)


def arrivals(photographer: Photographer) -> None:
    photographer.log_in("ada")
    photographer.page.goto("/arrivals")
    for ship, phone in SHIPS.items():
        photographer.page.fill("#ship", ship)
        photographer.page.fill("#phone", phone)
        photographer.press("Add arrival")
        photographer.page.wait_for_selector(f"td:has-text('{ship}')")
    photographer.take("arrivals", 750)


def accounts(browser: Browser, folder: Path, made: Path) -> None:
    """The pages of an account and of an admin, and the four of the README."""
    project = set_up(made / "accounts", accounts="self-service")
    with served(browser, project, folder) as photographer:
        account(photographer)
        people(photographer)
        attack(photographer.page)
        photographer.take_small(
            "An attack, blocked", 612, look="dark", top="section:has(#attack-heading)"
        )
        save(folder / "four-pages.png", sheet(browser, photographer.small))


def account(photographer: Photographer) -> None:
    photographer.log_in("ada")
    photographer.page.goto("/tasks")
    photographer.take_small("Tasks, the example", 456)
    for name, transport in DEVICES.items():
        add_passkey(photographer, name, transport)
    photographer.take("passkeys", 670)
    photographer.take_small("An account with passkeys", 456, look="dark")
    add_app(photographer)
    photographer.take("second-factors", 830)
    photographer.page.goto("/account")
    photographer.take("account", 1080)
    photographer.page.context.clear_cookies()


def people(photographer: Photographer) -> None:
    photographer.log_in("grace")
    photographer.page.goto("/people")
    photographer.take("people", 620)
    photographer.take_small("People, for admins", 612)
    photographer.page.context.clear_cookies()


def attack(page: Page) -> None:
    page.goto("/")
    page.click("#try-attack")
    page.wait_for_selector("#attack-result.good")


def add_passkey(photographer: Photographer, name: str, transport: str) -> None:
    page = photographer.page
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    device = {"protocol": "ctap2", "transport": transport, "isUserVerified": True}
    device |= {"hasResidentKey": True, "hasUserVerification": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    page.goto("/account/passkeys")
    page.fill("#name", name)
    photographer.press("Add a passkey")
    page.wait_for_selector("[role=status]:has-text('added')")
    page.goto("/account/passkeys")
    session.detach()


def add_app(photographer: Photographer) -> None:
    page = photographer.page
    page.goto("/account/factors")
    photographer.press("Set up an app")
    key = page.locator("#key").inner_text().replace(" ", "")
    page.fill("#code", pyotp.TOTP(key).now())
    photographer.press("Confirm")
    page.wait_for_url("**/account/factors")
    page.goto("/account/factors")


def set_up(made: Path, **answers: str) -> Path:
    """Render a project with its tables and secrets."""
    made.mkdir()
    render(TEMPLATE, made, "harbour-log", project_name=NAME, **answers)
    project = made / "harbour-log"
    support.python("-m", "secure_flask.settings", cwd=project)
    support.python("-m", "flask", "db", "upgrade", cwd=project)
    return project


@contextmanager
def served(browser: Browser, project: Path, folder: Path) -> Iterator[Photographer]:
    passwords = dict(SEEDED.findall(support.python("-m", "flask", "seed", cwd=project)))
    port, log = support.free_port(), project / "log"
    address = f"http://localhost:{port}"
    # Browsers refuse passkeys at 127.0.0.1.
    command = (sys.executable, "-m", "flask", "run", "--host=localhost", f"--port={port}")
    with support.started(*command, cwd=project, log=log, PUBLIC_URL=address) as server:
        support.wait_for(port, server, log)
        # Each point of a page has two dots, as on most screens.
        page = browser.new_page(base_url=address, device_scale_factor=2)
        yield Photographer(page, folder, passwords)
        page.close()


def sheet(browser: Browser, small: dict[str, bytes]) -> bytes:
    """One picture of small ones, two next to each other, below their captions."""
    figures = (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<img src="data:image/png;base64,{b64encode(picture).decode()}"></figure>'
        for caption, picture in small.items()
    )
    page = browser.new_page(device_scale_factor=1.5)
    page.set_content(SHEET + "".join(figures))
    return page.locator("body").screenshot()


def save(file: Path, png: bytes) -> None:
    """Save it with a palette: a page has few colours, and takes a third of the room."""
    packed = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    file.write_bytes(packed.getvalue())
    if file == DOCS / "start-page.png":
        OF_A_PROJECT.write_bytes(packed.getvalue())
    print(f"{file.name}: {packed.tell() // 1024} KB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
