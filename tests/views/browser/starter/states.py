"""The pages of a login and of the example, each in the states that people see."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from views.conftest import PASSWORD, USERNAME

LONG_TITLE = "W" * 100


def start_page(page: Page, site: str) -> None:
    page.goto(site)
    expect(page.locator("#protections-count")).to_contain_text("came with")


def error_page(page: Page, site: str) -> None:
    page.goto(f"{site}/no/such/page")
    expect(page.get_by_role("heading", name="This page does not exist")).to_be_visible()


def submit(page: Page, site: str, username: str = USERNAME, password: str = PASSWORD) -> None:
    page.goto(f"{site}/login")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")


def log_in(page: Page, site: str) -> None:
    submit(page, site)
    page.wait_for_url(f"{site}/")


def log_out(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("button", name="Log out").click()
    expect(page.get_by_role("navigation").get_by_role("link", name="Log in")).to_be_visible()


def save_task(page: Page, site: str, title: str) -> None:
    page.goto(f"{site}/tasks/new")
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Save").click()


def add_task(page: Page, site: str, title: str) -> None:
    save_task(page, site, title)
    expect(page.get_by_role("status")).to_have_text(f"Added: {title}")


def logged_in(page: Page, site: str) -> None:
    log_in(page, site)
    expect(page.get_by_role("heading", name="Hello, ada")).to_be_visible()


def login_page(page: Page, site: str) -> None:
    page.goto(f"{site}/tasks")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def login_without_password(page: Page, site: str) -> None:
    submit(page, site, password="")
    expect(page.get_by_text("Enter your password.")).to_be_visible()


def wrong_password(page: Page, site: str) -> None:
    submit(page, site, password=f"not {PASSWORD}")
    expect(page.get_by_role("alert")).to_have_text("Wrong username or password.")


def reauthentication(page: Page, site: str) -> None:
    log_in(page, site)
    page.goto(f"{site}/reauthenticate?next=/account")


def account(page: Page, site: str) -> None:
    log_in(page, site)
    page.context.clear_cookies()
    log_in(page, site)
    page.goto(f"{site}/account")
    expect(page.get_by_role("button", name="Log out everywhere else")).to_be_visible()


def no_tasks(page: Page, site: str) -> None:
    log_in(page, site)
    page.goto(f"{site}/tasks")


def tasks(page: Page, site: str) -> None:
    log_in(page, site)
    for title in ("Buy milk", LONG_TITLE):
        add_task(page, site, title)


def deleting(page: Page, site: str) -> None:
    log_in(page, site)
    add_task(page, site, "Buy milk")
    page.get_by_text("Delete Buy milk", exact=True).click()
    expect(page.get_by_role("button", name="Yes, delete Buy milk")).to_be_visible()


def task_without_title(page: Page, site: str) -> None:
    log_in(page, site)
    save_task(page, site, " ")
    expect(page.get_by_text("Enter a title.")).to_be_visible()


STATES: list[Callable[[Page, str], None]] = [
    start_page,
    error_page,
    logged_in,
    login_page,
    login_without_password,
    wrong_password,
    reauthentication,
    account,
    no_tasks,
    tasks,
    deleting,
    task_without_title,
]
