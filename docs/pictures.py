"""Photographs pages of a project with the default answers: `make pictures`."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from benchmarks.rendered import TEMPLATE, module, render, temporary_folder

DOCS = Path(__file__).parent
# The same picture in each project's README.
PROJECTS = TEMPLATE / "{{cookiecutter.project_slug}}" / "docs" / "start-page.png"
NAMES = ("chromium", "chromium-browser", "google-chrome")

USERNAME, PASSWORD = "ada", "a good long password"
TASKS = {"Buy milk": False, "Renew the passport": False, "Water the plants": True}

# How wide, and how high each page is shown: enough for what matters on it.
WIDTHS = {"": 1120, "-dark": 1120, "-phone": 360}
HEIGHTS = {
    "starter-page": {"": 1000, "-dark": 1000, "-phone": 1096},
    "login-page": {"": 620, "-dark": 620, "-phone": 620},
    "task-list": {"": 560, "-dark": 560, "-phone": 620},
}


def main(folder: Path = DOCS) -> None:
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not chromium:
        sys.exit(f"It needs a browser: one of {', '.join(NAMES)}, or its path in CHROMIUM.")
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        # Two dots for each, as most screens have them.
        page = browser.new_page(device_scale_factor=2)
        for name, prepare in PAGES.items():
            prepare(page, address)
            # Away from what was pressed, which looks another way under a pointer.
            page.mouse.move(0, 0)
            photograph(page, folder, name)
        browser.close()


def photograph(page: Page, folder: Path, name: str) -> None:
    for look, width in WIDTHS.items():
        page.emulate_media(color_scheme="dark" if look == "-dark" else "light")
        page.set_viewport_size({"width": width, "height": HEIGHTS[name][look]})
        page.evaluate("scrollTo(0, 0)")
        save(folder, f"{name}{look}.png", smaller(page.screenshot()))


def save(folder: Path, name: str, picture: bytes) -> None:
    (folder / name).write_bytes(picture)
    if folder == DOCS and name == "starter-page.png":
        PROJECTS.write_bytes(picture)
    print(f"{name}: {len(picture) // 1024} KB")


@contextmanager
def served() -> Iterator[str]:
    """Serve a fresh project in development, with one user."""
    with temporary_folder() as folder:
        render(TEMPLATE, Path(folder), "my-service")
        sys.path.insert(0, str(Path(folder, "my-service")))
        app = module("app").create_app(settings(f"sqlite:///{folder}/app.db"))
        with app.app_context():
            core = module("secure_flask")
            core.Model.metadata.create_all(core.db.engine)
            core.create_user(USERNAME, PASSWORD)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            thread.join()


def settings(database: str) -> Any:
    fresh = module("secure_flask.settings.__main__").fresh_secrets()
    return module("app.settings").Settings(
        _env_file=None,
        app_env="development",
        log_level="ERROR",
        database_url=database,
        **{name.lower(): secret for name, secret in fresh.items()},
    )


class Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """What it was asked is no news."""


def start_page(page: Page, address: str) -> None:
    """Show an attack blocked, and the headers read."""
    page.goto(address)
    page.click("#try-attack")
    page.wait_for_selector("#attack-result.good")
    page.wait_for_selector("[data-sent=true]", state="attached")


def login_page(page: Page, address: str) -> None:
    """Show an error beside its field."""
    page.goto(f"{address}/login")
    page.fill("#username", USERNAME)
    page.click("main button[type=submit]")
    page.wait_for_selector("#password-error")


def task_list(page: Page, address: str) -> None:
    log_in(page, address)
    for title, done in TASKS.items():
        page.goto(f"{address}/tasks/new")
        page.fill("#title", title)
        page.set_checked("#done", done)
        page.click("main button[type=submit]")
        page.wait_for_url(f"{address}/tasks")


def log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login")
    page.fill("#username", USERNAME)
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{address}/")


PAGES: dict[str, Callable[[Page, str], None]] = {
    "starter-page": start_page,
    "login-page": login_page,
    "task-list": task_list,
}


def smaller(png: bytes) -> bytes:
    """A page has few colours: with a palette it takes a third of the room."""
    packed = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    return packed.getvalue()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
