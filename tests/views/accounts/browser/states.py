"""The pages of accounts, each in the states that people see."""

from operator import methodcaller

from playwright.sync_api import expect

from views.accounts.browser.visitor import Visitor
from views.accounts.people import ADDRESS


def start_page(visitor: Visitor) -> None:
    visitor.open("/")
    expect(visitor.page.locator("#protections-count")).to_contain_text("came with")


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


def new_password(visitor: Visitor) -> None:
    visitor.ask_for_link("/reset", ADDRESS)
    visitor.open_newest_mail()
    visitor.sees("Set a new password")


def address_link(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.ask_for_link("/change-email", "ada@new.example")
    visitor.open_newest_mail()
    visitor.sees("Confirm the new address")


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


# What a visitor opens, and a user: the path of a page and its heading.
PUBLIC = {
    "login page": ("/tasks", "Log in"),
    "registration": ("/register", "Register"),
    "link again": ("/confirm", "Registered, no mail?"),
    "forgotten password": ("/reset", "Forgot your password?"),
}
OF_USER = {
    "account": ("/account", "Your account"),
    "new address": ("/change-email", "New e-mail address"),
    "deletion": ("/account/delete", "Delete your account"),
    "no factors": ("/account/factors", "Passkeys and second step"),
    "no passkeys": ("/account/passkeys", "Your passkeys"),
}
STATES = {
    **{name: methodcaller("comes_to", *page) for name, page in PUBLIC.items()},
    **{name: methodcaller("comes_to", *page, is_user=True) for name, page in OF_USER.items()},
    # Each function of this module.
    **{name: made for name, made in vars().items() if getattr(made, "__module__", "") == __name__},
}
