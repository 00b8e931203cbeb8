"""A project's own test agrees with its policy on files of other sites, and names a way out."""

from __future__ import annotations

import re

import pytest

import support
from conftest import NewProject

TEST = "tests/test_page_source.py::test_pages_use_only_sites_that_the_policy_names"
LISTED = "https://files.example.com"
HASH = 'integrity="sha384-x" crossorigin="anonymous"'
NONCE = 'nonce="{{ csp_nonce() }}"'
SHEET = '<link rel="stylesheet" href="{}/a.css" {}>'
GOOGLE = "https://fonts.googleapis.com/css2?family=Inter"
WITHOUT_HASH = "Give it integrity and crossorigin"
UNMARKED, COPY = "Give the script nonce", "Copy the file into app/static/"

# What an owner writes into a template, and what is said of it; None where nothing is.
MARKUP: dict[str, tuple[str, str | None]] = {
    "script": (f'<script src="https://a.test/a.js" {NONCE} {HASH}></script>', None),
    "script_without_hash": (
        f'<script src="https://a.test/a.js" {NONCE} crossorigin></script>',
        WITHOUT_HASH,
    ),
    "script_without_crossorigin": (
        f'<script src="https://a.test/a.js" {NONCE} integrity="sha384-x"></script>',
        WITHOUT_HASH,
    ),
    "script_without_nonce": (f'<script src="https://a.test/a.js" {HASH}></script>', UNMARKED),
    "sheet": (SHEET.format("https://a.test", HASH), COPY),
    "sheet_of_a_similar_name": (SHEET.format(f"{LISTED}.test", HASH), COPY),
    "listed_sheet": (SHEET.format(LISTED, HASH), None),
    "listed_sheet_without_hash": (SHEET.format(LISTED, ""), WITHOUT_HASH),
    "fonts": (f'<link rel="stylesheet" href="{GOOGLE}">', "fonts of Google too"),
    "listed_icon": (f'<link rel="icon" href="{LISTED}/a.svg">', None),
    "listed_picture": (f'<img src="{LISTED}/a.png" alt="">', None),
    "icon": ('<link rel="icon" href="https://a.test/a.svg">', "Name the site in img-src"),
    "picture": ('<img src="https://a.test/a.png" alt="">', "Name the site in img-src"),
    "frame": ('<iframe src="https://a.test/"></iframe>', "Name the site in frame-src"),
    "form": ('<form action="https://a.test/"></form>', "Name the site in form-action"),
    "sheet_with_nonce": (SHEET.format("https://a.test", f"{NONCE} {HASH}"), COPY),
}
# What a level lets in besides.
OPENED = {"strict": {"sheet_with_nonce"}, "paranoid": set(), "relaxed": {"icon", "picture"}}


@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_what_the_policy_lets_in_is_green_and_all_else_says_what_to_write(
    level: str, new_project: NewProject
) -> None:
    project = new_project(csp=level, csp_sources=LISTED)
    for name, (markup, _) in MARKUP.items():
        (project / "app" / "templates" / f"{name}.html").write_text(markup, "utf-8")
    with pytest.raises(AssertionError) as failed:
        support.own_tests(project, TEST, COLUMNS="500")
    said = dict(
        re.findall(r"^SUBFAILED\[templates/(\w+)\.html\].* - (.+)$", str(failed.value), re.M)
    )
    expected = {name: words for name, (_, words) in MARKUP.items() if words}
    assert said.keys() == expected.keys() - OPENED[level]
    for name, words in said.items():
        assert expected[name] in words, name


@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_a_script_with_nonce_and_hash_needs_no_change_of_the_policy(
    level: str, new_project: NewProject
) -> None:
    project = new_project(csp=level)
    base = project / "app" / "templates" / "base.html"
    markup, _ = MARKUP["script"]
    base.write_text(base.read_text("utf-8").replace("</head>", f"{markup}\n</head>"), "utf-8")
    support.own_tests(project, "tests/test_page_source.py")
