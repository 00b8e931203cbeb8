"""The button beside each password field, which shows what was typed."""

from playwright.sync_api import Page, expect

from views.browser.starter.states import log_in

TYPED = "seven owls in a well of ink"


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
