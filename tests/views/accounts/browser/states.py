"""The pages of accounts, each in the states that people see."""

from collections.abc import Callable

from playwright.sync_api import expect

from views.accounts.browser.visitor import Visitor
from views.accounts.people import ADDRESS


def start_page(visitor: Visitor) -> None:
    visitor.open("/")
    expect(visitor.page.locator("#protections-count")).to_contain_text("came with")


def login_page(visitor: Visitor) -> None:
    visitor.open("/tasks")
    visitor.sees("Log in")


def registration(visitor: Visitor) -> None:
    visitor.open("/register")
    visitor.sees("Register")


def refused_registration(visitor: Visitor) -> None:
    visitor.open("/register")
    visitor.fill(username="grace@", email="grace", password="grace")
    visitor.submit()
    visitor.is_refused()


def mail_sent(visitor: Visitor) -> None:
    visitor.register()


def mailbox(visitor: Visitor) -> None:
    confirmation(visitor)
    visitor.open("/dev/mailbox")
    visitor.sees("Development mailbox")


def confirmation(visitor: Visitor) -> None:
    visitor.register()
    visitor.open_newest_mail()
    visitor.sees("Create your account")


def other_password(visitor: Visitor) -> None:
    confirmation(visitor)
    visitor.follow("Choose another")
    visitor.sees("Choose your password")


def refused_confirmation(visitor: Visitor) -> None:
    confirmation(visitor)
    visitor.fill(password="not the password of it")
    visitor.submit()
    visitor.is_refused()


def confirmed(visitor: Visitor) -> None:
    visitor.confirm()


def expired_link(visitor: Visitor) -> None:
    visitor.open("/confirm/" + "a" * 43)
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("This link")


def link_again(visitor: Visitor) -> None:
    visitor.open("/confirm")
    expect(visitor.page.get_by_label("E-mail address")).to_be_visible()


def forgotten_password(visitor: Visitor) -> None:
    visitor.open("/reset")
    visitor.sees("Forgot your password?")


def new_password(visitor: Visitor) -> None:
    visitor.ask_for_link("/reset", ADDRESS)
    visitor.open_newest_mail()
    visitor.sees("Set a new password")


def account(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open("/account")
    visitor.sees("Your account")


def new_address(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open("/change-email")
    visitor.sees("New e-mail address")


def address_link(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.ask_for_link("/change-email", "ada@new.example")
    visitor.open_newest_mail()
    visitor.sees("Confirm the new address")


def deletion(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open("/account/delete")
    visitor.sees("Delete your account")


def no_factors(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open("/account/factors")
    visitor.sees("Passkeys and second step")


def first_code(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.begin_setup()


def wrong_first_code(visitor: Visitor) -> None:
    first_code(visitor)
    visitor.fill(code="000000")
    visitor.submit()
    expect(visitor.page.get_by_text("Wrong code.")).to_be_visible()


def factors(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.set_up_app()


def recovery_codes(visitor: Visitor) -> None:
    factors(visitor)
    visitor.replace_recovery_codes()


def account_with_factors(visitor: Visitor) -> None:
    factors(visitor)
    visitor.open("/account")
    visitor.sees("Your account")


def second_step(visitor: Visitor) -> None:
    recovery_codes(visitor)
    visitor.begin_login()


def wrong_code(visitor: Visitor) -> None:
    second_step(visitor)
    visitor.fill(code="000000")
    visitor.submit()
    visitor.is_refused()


def recovery_code(visitor: Visitor) -> None:
    second_step(visitor)
    visitor.open_recovery()


def no_passkeys(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open("/account/passkeys")
    visitor.sees("Your passkeys")


def passkeys(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.add_passkey()


def second_step_by_passkey(visitor: Visitor) -> None:
    passkeys(visitor)
    visitor.begin_login()


def second_step_by_either(visitor: Visitor) -> None:
    recovery_codes(visitor)
    visitor.add_passkey(is_first=False)
    visitor.begin_login()


def reauthentication(visitor: Visitor) -> None:
    passkeys(visitor)
    visitor.open("/reauthenticate?next=/account")
    visitor.sees("Enter your password again")


def no_half_login(visitor: Visitor) -> None:
    visitor.open("/tf-validate")
    expect(visitor.page.get_by_text("The second step has ended")).to_be_visible()


STATES: list[Callable[[Visitor], None]] = [
    start_page,
    login_page,
    registration,
    refused_registration,
    mail_sent,
    mailbox,
    confirmation,
    other_password,
    refused_confirmation,
    confirmed,
    expired_link,
    link_again,
    forgotten_password,
    new_password,
    account,
    new_address,
    address_link,
    deletion,
    no_factors,
    first_code,
    wrong_first_code,
    factors,
    recovery_codes,
    account_with_factors,
    second_step,
    wrong_code,
    recovery_code,
    no_passkeys,
    passkeys,
    second_step_by_passkey,
    second_step_by_either,
    reauthentication,
    no_half_login,
]
