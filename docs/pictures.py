"""Photographs the starter page of a project with default answers: `make pictures`."""

import os
import shutil
import sys
from collections.abc import Iterator
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

WIDE = {"width": 1120, "height": 1000}
# Taller than a phone, so that both cards are seen whole.
PHONE = {"width": 360, "height": 1096}
PICTURES: dict[str, dict[str, Any]] = {
    "starter-page.png": {"viewport": WIDE, "color_scheme": "light"},
    "starter-page-dark.png": {"viewport": WIDE, "color_scheme": "dark"},
    "starter-page-phone.png": {"viewport": PHONE, "color_scheme": "light"},
}


def main(folder: Path = DOCS) -> None:
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not chromium:
        sys.exit(f"It needs a browser: one of {', '.join(NAMES)}, or its path in CHROMIUM.")
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for name, look in PICTURES.items():
            # Two dots for each, as most screens have them.
            page = browser.new_page(device_scale_factor=2, **look)
            prepare(page, address)
            picture = smaller(page.screenshot())
            (folder / name).write_bytes(picture)
            if folder == DOCS and name == "starter-page.png":
                PROJECTS.write_bytes(picture)
            print(f"{name}: {len(picture) // 1024} KB")
        browser.close()


@contextmanager
def served() -> Iterator[str]:
    """Serve a fresh project in development, with an empty database."""
    with temporary_folder() as folder:
        render(TEMPLATE, Path(folder), "my-service")
        sys.path.insert(0, str(Path(folder, "my-service")))
        app = module("app").create_app(settings(f"sqlite:///{folder}/app.db"))
        with app.app_context():
            module("app.db").Model.metadata.create_all(module("app.db").db.engine)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.port}"
        server.shutdown()
        thread.join()


def settings(database: str) -> Any:
    settings = module("app.settings")
    secrets = {name.lower(): secret for name, secret in settings.fresh_secrets().items()}
    return settings.Settings(
        _env_file=None,
        app_env="development",
        log_level="ERROR",
        database_url=database,
        **secrets,
    )


class Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """What it was asked is no news."""


def prepare(page: Page, address: str) -> None:
    """Show an attack blocked, and the headers read."""
    page.goto(address)
    page.click("#try-attack")
    page.wait_for_selector("#attack-result.good")
    page.wait_for_selector("[data-sent=true]")
    # Away from the button that was pressed, which looks another way under a pointer.
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")


def smaller(png: bytes) -> bytes:
    """A page has few colours: with a palette it takes a third of the room."""
    packed = BytesIO()
    Image.open(BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    return packed.getvalue()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
