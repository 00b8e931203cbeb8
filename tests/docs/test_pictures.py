"""The pictures of the README and of the site are there, light to load, and taken by a command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import support

PICTURES = sorted(support.PAGES.glob("*.png"))
HEAVIEST = 150 * 1024  # bytes
# A picture of a page of the site has a line of its own, so that the site shows its dark look too.
SHOWN = re.compile(r"^!\[(.*)\]\((?:\.\./)?([\w-]+)\.png\)$", re.MULTILINE)


def shown_on(page: Path) -> list[tuple[str, str]]:
    """The pictures of a page of the site: the alternative text and the name of each."""
    return SHOWN.findall(page.read_text("utf-8"))


def test_each_picture_is_shown_and_the_sites_in_both_looks() -> None:
    of_site = {name for page in support.PAGES.rglob("*.md") for _, name in shown_on(page)}
    looks = {f"{name}{ending}.png" for name in of_site for ending in ("", "-dark")}
    assert {picture.name for picture in PICTURES} == looks | {"four-pages.png"}


def test_the_projects_readme_shows_the_page_of_the_site() -> None:
    picture = support.FOLDER / "docs" / "start-page.png"
    assert picture.read_bytes() == (support.PAGES / "start-page.png").read_bytes()
    assert f"docs/{picture.name}" in (support.FOLDER / "README.md").read_text("utf-8")


@pytest.mark.weekly
@pytest.mark.slow
def test_they_can_be_taken_again(tmp_path: Path) -> None:
    support.need(support.CHROMIUM, "Chromium")
    support.python("-m", "docs.pictures", tmp_path, cwd=support.TEMPLATE)
    taken = sorted(tmp_path.glob("*.png"))
    assert [picture.name for picture in taken] == [picture.name for picture in PICTURES]
    assert all(picture.stat().st_size < HEAVIEST for picture in taken)
