"""Where things stand on the screen: the navigation of a phone, forms, pages of a list, messages."""

import re
from itertools import product

import pytest
from flask import Flask, flash, render_template_string
from playwright.sync_api import Locator, Page, ViewportSize, expect
from secure_flask import public

from views.browser.conftest import Serve
from views.browser.starter.states import add_task, log_in
from views.browser.starter.test_accessibility import assert_for_everybody

PHONE: ViewportSize = {"width": 360, "height": 640}

# What owners write into pages of their own, outside a card.
PAGE = """{% extends "base.html" %}
{% block title %}Parts{% endblock %}
{% block content %}
<form class="row"><label for="q">Name</label><input id="q"><button>Search</button></form>
<form id="plain"><label for="x">Note</label><input id="x"><button>Send</button></form>
<table><tr><td>One</td></tr></table>
<nav aria-label="Pages"><a href="/1" rel="prev">Back</a><span>2 of 3</span><a href="/3" rel="next">On</a></nav>
<nav aria-label="First page"><span>1 of 3</span><a href="/2" rel="next">On</a></nav>
{% endblock %}"""


def own_page() -> str:
    for category in ("message", "success", "error"):
        flash(f"A {category}", category)
    return render_template_string(PAGE)


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    app.add_url_rule("/_own", view_func=public(own_page))
    return serve(app).at("localhost")


def box(element: Locator) -> tuple[float, float, float, float]:
    """The left, top, right and bottom edge."""
    found = element.bounding_box()
    assert found
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def stand_side_by_side(first: Locator, second: Locator) -> bool:
    _, top, right, bottom = box(first)
    left, other_top, _, other_bottom = box(second)
    return right <= left and top < other_bottom and other_top < bottom


def test_a_phone_shows_a_new_key_to_its_end(page: Page, site: str) -> None:
    """A part that is cut off is a part that nobody copies."""
    page.set_viewport_size(PHONE)
    log_in(page, site)
    page.goto(f"{site}/account")
    page.get_by_text("Add a key").click()
    page.get_by_label("What is it for?").fill("Backup")
    page.get_by_role("button", name="Create a key").click()
    key = page.get_by_label("Key", exact=True)
    expect(key).to_have_value(re.compile(r"_\w{51}$"))
    hidden = "key => [key.scrollWidth - key.clientWidth, key.scrollHeight - key.clientHeight]"
    assert max(key.evaluate(hidden)) <= 0
    gap = box(page.get_by_text("It expires"))[1] - box(key)[3]
    assert gap >= 16  # pixels


def test_delete_asks_beside_the_list_in_which_nothing_moves(
    page: Page, site: str, subtests: pytest.Subtests
) -> None:
    log_in(page, site)
    for title in ("Buy milk", "Water the plants"):
        add_task(page, site, title)
    rows = page.get_by_role("row")
    delete = page.get_by_role("button", name="Delete Buy milk", exact=True)
    question = page.get_by_role("dialog", name="Delete Buy milk?")
    for width in (1280, PHONE["width"]):
        with subtests.test(width=width):
            page.set_viewport_size({"width": width, "height": 640})
            before = [box(row) for row in rows.all()]
            delete.click()
            assert [box(row) for row in rows.all()] == before
            left, _, right, _ = box(question)
            inside, _, end, _ = box(page.get_by_role("region", name="Your tasks"))
            assert inside < left < right < end
            expect(question).to_contain_text("It is gone for good.")
            question.get_by_role("button", name="Cancel").click()
            expect(question).to_be_hidden()
            expect(delete).to_be_focused()
            expect(page.get_by_role("link", name="Buy milk")).to_be_visible()


def test_parts_that_owners_write_stand_in_lines_and_are_for_everybody(
    page: Page,
    site: str,
    subtests: pytest.Subtests,
) -> None:
    page.goto(f"{site}/_own")
    assert box(page.locator("table"))[1] - box(page.locator("#plain"))[3] >= 24
    for category, strongest in (("success", 1), ("error", 0)):
        with subtests.test(category=category, strongest=strongest):
            edge = "message => getComputedStyle(message).borderInlineStartColor"
            shown = page.get_by_text(f"A {category}").evaluate(edge)
            colours = [int(part) for part in re.findall(r"\d+", shown)]
            assert colours[strongest] == max(colours[:3])
    for width, (name, parts) in product((1280, PHONE["width"]), (("Pages", 3), ("First page", 2))):
        with subtests.test(width=width, name=name, parts=parts):
            page.set_viewport_size({"width": width, "height": 640})
            assert stand_side_by_side(page.get_by_label("Name"), page.get_by_text("Search"))
            pages = page.get_by_role("navigation", name=name, exact=True)
            left, _, right, _ = box(pages)
            where, following = pages.locator("span"), pages.get_by_text("On")
            assert pages.locator("*").count() == parts
            assert abs(sum(box(where)[::2]) - left - right) < 16
            assert box(following)[2] == right
            assert box(following)[0] > box(where)[2] + 50
    assert_for_everybody(page)


def test_an_error_page_leads_on_and_a_form_that_was_too_large_keeps_what_was_typed(
    page: Page, site: str
) -> None:
    log_in(page, site)
    page.goto(f"{site}/tasks/new")
    page.get_by_label("Title").fill("Much")
    page.evaluate("document.querySelector('textarea').removeAttribute('maxlength')")
    page.get_by_label("Notes").fill("a" * 70_000)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Too large: at most 64 kB")
    expect(page.get_by_role("navigation").get_by_role("link", name="Tasks")).to_be_visible()
    expect(page.get_by_text("use your browser's Back button")).to_be_visible()
    # The hint of development is one long line of text.
    expect(page.get_by_text("@consumes_form(max_size=…)")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.go_back()
    expect(page.get_by_label("Title")).to_have_value("Much")
