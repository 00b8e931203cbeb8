"""The pages behind mailed links, as programs read of them."""

from flask import Flask

from tests.accounts.people import described


def test_the_description_names_the_page_that_follows_the_form(app: Flask) -> None:
    for endpoint in ("confirmation.confirm", "recovery.set_password", "email_change.confirm"):
        assert described(app, endpoint)["200"]["content"].keys() == {
            "application/json",
            "text/html",
        }
