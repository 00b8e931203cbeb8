"""The forms of accounts, as programs read of them."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import parse

from app.security.view_options import options_of
from tests import routes
from tests.accounts.page_helpers import send
from tests.accounts.people import described
from tests.conftest import log_in

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

MAILING = [
    "registration.register",
    "registration.send_again",
    "recovery.forgot",
    "email_change.change",
]


def test_the_description_names_the_page_that_follows_a_form(
    app: Flask, subtests: pytest.Subtests
) -> None:
    for endpoint, page in FORMS.items():
        with subtests.test(endpoint):
            content = described(app, endpoint)["200"]["content"]
            assert ("text/html" in content, "application/json" in content) == (page, True)


@pytest.mark.asvs("2.4.1")
@pytest.mark.parametrize("endpoint", MAILING)
def test_a_form_that_mails_has_the_limit_of_its_json(
    app: Flask, client: FlaskClient, endpoint: str
) -> None:
    log_in(client)
    limit = parse(options_of(app.view_functions[endpoint], "POST").limited or "").amount
    path = routes.path_of(endpoint)
    sent = [send(client, path, email="ada").status_code for _ in range(limit + 1)]
    assert sent == [422] * limit + [429]
