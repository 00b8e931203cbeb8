"""The drawings of the pages: they show what the code has, and each tells its steps in words."""

from __future__ import annotations

import inspect
import re
from xml.etree import ElementTree

import pytest
import yaml
from secure_flask import wiring

import support

DRAWINGS = {file.stem: file for file in (support.PAGES / "drawings").glob("*.svg")}
SVG = {"svg": "http://www.w3.org/2000/svg"}


def steps(name: str) -> str:
    """All that a drawing says to those who do not see it."""
    told = ElementTree.parse(DRAWINGS[name]).find("svg:desc", SVG)  # noqa: S314 (our own file)
    assert told is not None
    return told.text or ""


def test_a_request_meets_each_module_that_wiring_sets_up_in_its_order() -> None:
    source = inspect.getsource(wiring._protect_requests)
    modules = re.findall(r"(\w+)\.(?:init_app|bind_sessions)\(", source)
    shown = re.findall(r"(?<=\. )(\w+):", steps("request"))
    assert shown == ["headers", *modules]


def test_the_services_are_those_of_compose() -> None:
    compose = (support.FOLDER / "compose.yaml").read_text("utf-8")
    services = yaml.safe_load(compose)["services"]
    shown = {name for name in services if f" {name}: " in steps("services")}
    assert services.keys() == shown


def test_each_file_of_the_app_and_folder_of_the_core_is_shown() -> None:
    files = {file.name for file in (support.FOLDER / "app").glob("[a-z]*.py")}
    folders = {f"{file.parent.name}/" for file in support.FOLDER.glob("secure_flask/*/__init__.py")}
    assert {name for name in files | folders if name not in steps("core-and-app")} == set()


def test_each_mail_is_shown_by_its_subject() -> None:
    texts = (support.FOLDER / "app" / "templates" / "accounts" / "mail").glob("[a-z]*.txt")
    first = [text.read_text("utf-8").partition("\n")[0] for text in texts]
    subjects = [re.sub("Subject: | (?:at|for) {{ project_name }}", "", line) for line in first]
    fixed = [subject for subject in subjects if subject != "{{ change }}"]
    assert fixed
    assert [subject for subject in fixed if subject not in steps("mails")] == []


@pytest.mark.parametrize("name", DRAWINGS)
def test_one_page_shows_it_and_says_the_same_steps(name: str) -> None:
    link = re.compile(rf"^!\[(.+)\]\([./]*drawings/{name}\.svg\)$", re.MULTILINE)
    told = [
        each
        for page in support.PAGES.rglob("*.md")
        for each in link.findall(page.read_text("utf-8"))
    ]
    assert told == [steps(name)]
