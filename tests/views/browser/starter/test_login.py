"""The login page and its cookie, as somebody with a browser uses them."""

from playwright.sync_api import Page, expect

from views.browser.starter.states import log_in, log_out, wrong_password


def test_an_error_of_the_whole_form_has_the_focus(page: Page, site: str) -> None:
    wrong_password(page, site)
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")


def test_the_navigation_says_where_the_user_is_and_logout_leaves_cookies_of_sibling_sites(
    page: Page, site: str
) -> None:
    log_in(page, site)
    tasks = page.get_by_role("navigation").get_by_role("link", name="Tasks")
    current = {}
    for path in ("/tasks", "/tasks/new", "/account"):
        page.goto(site + path)
        current[path] = tasks.get_attribute("aria-current")
    assert current == {"/tasks": "page", "/tasks/new": "true", "/account": None}
    page.evaluate("localStorage.setItem('draft', 'private')")
    page.context.add_cookies([{"name": "sibling", "value": "1", "url": site}])
    log_out(page)
    assert page.evaluate("localStorage.length") == 0
    assert [cookie.get("name") for cookie in page.context.cookies()] == ["sibling"]
