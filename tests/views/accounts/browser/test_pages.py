"""Every page of accounts: for everybody, within its own policy, and none a dead end."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from views.accounts.browser.states import STATES
from views.accounts.browser.visitor import Visitor, code_of
from views.browser.conftest import new_page
from views.browser.starter.test_accessibility import (
    SMALL,
    assert_for_everybody,
    log_in_with_long_names,
    widths_of_pages,
)

# The texts in which "e-mail" goes over two lines.
BROKEN = r"""() => {
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const broken = [];
  while (walker.nextNode()) {
    for (const found of walker.currentNode.data.matchAll(/e-mail/gi)) {
      const range = document.createRange();
      range.setStart(walker.currentNode, found.index);
      range.setEnd(walker.currentNode, found.index + found[0].length);
      const tops = new Set([...range.getClientRects()].map((each) => each.top));
      if (tops.size > 1) broken.push(walker.currentNode.data);
    }
  }
  return broken;
}"""


@pytest.mark.usefixtures("phone")
@pytest.mark.parametrize("state", STATES)
def test_a_page_is_for_everybody_breaks_no_rule_of_its_own_and_leads_on(
    visitor: Visitor, state: str
) -> None:
    STATES[state](visitor)
    visitor.page.wait_for_load_state("networkidle")
    ways = visitor.page.locator("main a[href], main button:enabled")
    expect(ways.filter(visible=True).first).to_be_visible()
    assert_for_everybody(visitor.page)
    visitor.page.set_viewport_size({"width": 320, "height": 640})
    visitor.page.evaluate("document.documentElement.style.fontSize = '100%'")
    # The lines of a mail are its own.
    assert state == "mailbox" or visitor.page.evaluate(BROKEN) == []


@pytest.mark.usefixtures("phone")
def test_with_two_devices_and_long_names_no_page_scrolls_sideways_on_a_small_phone(
    app: Flask, visitor: Visitor
) -> None:
    log_in_with_long_names(app, visitor.page, visitor.site)
    visitor.add_passkey("W" * 64)
    widths = widths_of_pages(app, visitor.page, visitor.site)
    assert {"/account/passkeys", "/account/factors", "/change-email"} <= widths.keys()
    assert widths == dict.fromkeys(widths, SMALL[0])


def test_a_person_without_javascript_registers_and_uses_an_app(
    app: Flask, site: str, browser: Browser
) -> None:
    """No button does nothing, and a page says that passkeys need it."""
    with new_page(browser, java_script_enabled=False) as page:
        use_an_app(Visitor(app, page, site))


def use_an_app(visitor: Visitor) -> None:
    visitor.confirm()
    device = visitor.set_up_app()
    [first, *_] = visitor.replace_recovery_codes()
    for name in ("Copy", "Print"):
        expect(visitor.page.get_by_text(name, exact=True)).to_be_hidden()
    visitor.open("/account/passkeys")
    expect(visitor.page.locator("noscript p")).to_contain_text("Passkeys need it.")
    expect(visitor.page.get_by_role("button", name="Add a passkey")).to_have_count(0)
    visitor.begin_login("/tasks/new", **visitor.GRACE)
    visitor.fill(code=code_of(device, 1))
    visitor.submit()
    visitor.is_at("/tasks/new")
    visitor.begin_login("/tasks/new", **visitor.GRACE)
    visitor.open_recovery()
    visitor.fill(code=first)
    visitor.submit()
    visitor.is_at("/tasks/new")


def test_a_browser_without_passkeys_logs_in_by_password(
    app: Flask, site: str, browser: Browser
) -> None:
    with new_page(browser) as page:
        page.add_init_script("delete window.PublicKeyCredential")
        visitor = Visitor(app, page, site)
        visitor.open("/login")
        expect(page.get_by_role("button", name="Log in with a passkey")).to_be_disabled()
        visitor.is_told("too old for passkeys")
        visitor.enter()
        visitor.is_logged_in()


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
