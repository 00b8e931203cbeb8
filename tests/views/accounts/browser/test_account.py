"""The pages of the account and of second factors, as people use them."""

from playwright.sync_api import expect

from views.accounts.browser.visitor import Visitor


def test_recovery_codes_are_downloaded_printed_and_there_after_a_reload(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.set_up_app()
    codes = visitor.replace_recovery_codes()
    with visitor.page.expect_download() as begun:
        visitor.follow("Save as a file")
    assert begun.value.path().read_text().split() == codes
    visitor.page.emulate_media(media="print")
    expect(visitor.page.locator("#codes li")).to_have_count(8)
    expect(visitor.page.locator("#codes")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="I have saved them")).to_be_hidden()
    visitor.page.emulate_media(media="null")
    visitor.page.set_viewport_size({"width": 360, "height": 640})
    visitor.page.reload()
    item = visitor.page.locator("#codes li")
    line = item.first.evaluate("item => parseFloat(getComputedStyle(item).lineHeight)")
    heights = item.evaluate_all("items => items.map((each) => each.offsetHeight)")
    # Each in one line, also on a phone.
    assert max(heights) < 2 * line
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360
    assert visitor.page.locator("#codes li").all_text_contents() == codes
    visitor.follow("I have saved them")
    visitor.sees("Passkeys and second step")


def test_buttons_copy_or_select_the_recovery_codes_and_print_them(visitor: Visitor) -> None:
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.log_in()
    visitor.set_up_app()
    codes = visitor.replace_recovery_codes()
    visitor.press("Copy")
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)
    page.evaluate("window.print = () => { document.title = 'printed' }")
    visitor.press("Print")
    expect(page).to_have_title("printed")
    page.context.clear_permissions()
    # Where no script may copy, the button selects them.
    page.reload()
    page.evaluate("delete Navigator.prototype.clipboard")
    visitor.press("Copy")
    assert page.evaluate("getSelection().toString().trim().split(/\\s+/)") == codes
    expect(page.get_by_text("Copied.")).to_have_count(0)
