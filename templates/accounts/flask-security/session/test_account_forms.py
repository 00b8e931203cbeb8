"""The forms of accounts, as programs read of them."""

import pytest
from flask import Flask

from tests.accounts.people import described

# Each by whether a page follows the form; after the others the browser is sent on.
FORMS = {
    "registration.register": True,
    "registration.send_again": True,
    "recovery.forgot": True,
    "email_change.change": True,
    "second_factor.set_up": True,
    "second_factor.renew_recovery_codes": True,
    "second_factor.finish": False,
    "second_factor.validate": False,
    "second_factor.recover": False,
    "passkeys.wan_delete": False,
}


def test_the_description_names_the_page_that_follows_a_form(
    app: Flask, subtests: pytest.Subtests
) -> None:
    for endpoint, page in FORMS.items():
        with subtests.test(endpoint):
            content = described(app, endpoint)["200"]["content"]
            assert ("text/html" in content, "application/json" in content) == (page, True)
