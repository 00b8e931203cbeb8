"""The example works for people without JavaScript: who switched it off, or whose network failed."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from views.browser.conftest import new_page
from views.conftest import PASSWORD, USERNAME


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with new_page(browser, java_script_enabled=False) as page:
        yield page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def enter_password(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(password)
    press(page, "Log in")


def test_a_user_logs_in_keeps_a_list_of_tasks_and_logs_out(page: Page, site: str) -> None:
    page.goto(site)
    expect(page.locator("noscript p")).to_contain_text("JavaScript is switched off.")
    page.goto(f"{site}/tasks")
    # It shows no password.
    expect(page.get_by_role("button", name="Show")).to_have_count(0)
    enter_password(page, "a wrong long password")
    expect(page.get_by_role("alert")).to_have_text("Wrong username or password.")
    enter_password(page)
    expect(page).to_have_url(f"{site}/tasks")

    page.get_by_role("link", name="Add your first task").click()
    press(page, "Save")
    expect(page.get_by_label("Title")).to_have_accessible_description("Error: Enter a title.")
    page.get_by_label("Title").fill("Buy milk")
    press(page, "Save")
    expect(page.get_by_role("status")).to_have_text("Added: Buy milk")

    page.get_by_role("link", name="Buy milk").click()
    page.get_by_label("Title").fill("Buy bread")
    page.get_by_label("Done").check()
    press(page, "Save")
    done = page.get_by_role("button", name="Done: Buy bread")
    expect(done).to_have_attribute("aria-pressed", "true")
    done.click()
    expect(page.get_by_role("status")).to_have_text("Open again: Buy bread")

    press(page, "Delete Buy bread")
    press(page, "Cancel")
    press(page, "Delete Buy bread")
    press(page, "Yes, delete Buy bread")
    expect(page.get_by_role("status")).to_have_text("Deleted: Buy bread")
    expect(page.get_by_role("row")).to_have_count(0)

    page.goto(f"{site}/account")
    expect(page.get_by_label("New password")).to_be_hidden()
    page.get_by_text("Change your password", exact=True).click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another good long password")
    press(page, "Change the password")
    expect(page.get_by_role("status")).to_contain_text("Your password is changed")

    press(page, "Log out")
    expect(page.get_by_role("navigation").get_by_role("link", name="Log in")).to_be_visible()
    page.goto(f"{site}/tasks")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_browser_without_popovers_deletes_too(page: Page, site: str) -> None:
    page.goto(f"{site}/tasks/new")
    enter_password(page)
    page.get_by_label("Title").fill("Buy milk")
    press(page, "Save")
    expect(page.get_by_role("status")).to_have_text("Added: Buy milk")
    page.route("**/tasks", without_popovers)
    page.route("**/page.css*", without_popovers)
    page.goto(f"{site}/tasks")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    page.unroute_all()
    press(page, "Yes, delete Buy milk")
    expect(page.get_by_role("status")).to_have_text("Deleted: Buy milk")


def without_popovers(route: Route) -> None:
    """Answer as a browser understands it that does not know them."""
    answer = route.fetch()
    text = re.sub(r' popover\b| integrity="[^"]*"', "", answer.text())
    route.fulfill(response=answer, body=text.replace("selector(:popover-open)", "(x: y)"))
