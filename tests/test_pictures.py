"""The README's pictures are there, light to load, and taken by a command that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import support

PICTURES = sorted((support.TEMPLATE / "docs").glob("*.png"))
HEAVIEST = 250 * 1024  # bytes


def test_the_readme_shows_each_picture_and_no_other() -> None:
    readme = (support.TEMPLATE / "README.md").read_text("utf-8")
    shown = re.findall(r"docs/([\w-]+\.png)", readme)
    assert sorted(shown) == [picture.name for picture in PICTURES]


def test_the_projects_readme_shows_the_same_page() -> None:
    picture = support.FOLDER / "docs" / "start-page.png"
    assert picture.read_bytes() == (support.TEMPLATE / "docs" / "starter-page.png").read_bytes()
    assert f"docs/{picture.name}" in (support.FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_light(picture: Path) -> None:
    assert picture.stat().st_size < HEAVIEST


@pytest.mark.all
@pytest.mark.slow
def test_they_can_be_taken_anew(tmp_path: Path) -> None:
    support.need(support.CHROMIUM, "Chromium")
    support.python("-m", "docs.pictures", tmp_path, cwd=support.TEMPLATE)
    taken = sorted(tmp_path.glob("*.png"))
    assert [picture.name for picture in taken] == [picture.name for picture in PICTURES]
    assert all(picture.stat().st_size < HEAVIEST for picture in taken)
