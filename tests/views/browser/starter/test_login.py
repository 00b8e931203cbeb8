"""The login page, its cookie, and the button beside each password, which shows what was typed."""

from playwright.sync_api import Page, expect

from views.browser.starter.states import log_in, log_out, wrong_password

TYPED = "seven owls in a well of ink"


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


def test_a_button_shows_its_field_says_so_and_hides_it_again(page: Page, site: str) -> None:
    log_in(page, site)
    page.goto(f"{site}/account")
    page.get_by_text("Change your password", exact=True).click()
    field = page.get_by_label("New password")
    button = page.get_by_role("button", name="Show New password")
    field.fill(TYPED)
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(field).to_have_attribute("type", "text")
    expect(field).to_have_value(TYPED)
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Current password")).to_have_attribute("type", "password")
    button.press("Enter")
    expect(field).to_have_attribute("type", "password")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_a_form_sends_a_password_as_one_so_that_no_browser_offers_it_again(
    page: Page, site: str
) -> None:
    page.goto(f"{site}/login")
    page.get_by_label("Password").fill(TYPED)
    page.get_by_role("button", name="Show Password").click()
    sent = "form => { form.addEventListener('submit', event => event.preventDefault()) }"
    page.locator("form[method=post]").evaluate(sent)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_label("Password")).to_have_attribute("type", "password")
