"""E-mail addresses: what can be written and what can be mailed is one check, for everybody."""

import pytest
from flask import Flask
from secure_flask.accounts import checked_address, development_mails, recovery, registration
from secure_flask.web.validation import Reason

from core.accounts.people import (
    NAME,
    STRONG,
    add_user,
    has_password,
    mailed_token,
    recipients,
    run_command,
    user_of,
)
from core.accounts.site import User
from core.conftest import PASSWORD, USERNAME

LONGEST = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.org"
REFUSED = [
    *("grace", "@example.org", "grace@", "grace@example", "a b@example.org", "a@b@example.org"),
    *("grace@exam ple.org", "grace@-a.org", "grace@.org", "grace@example..org"),
    *("grace@[127.0.0.1]", "Grace <grace@example.org>", "<script>@x.org, b@example.org"),
    *('"a b"@example.org', "gräce@example.org", "grace@ex\u200bample.org"),
    *("a" * 65 + "@example.org", "grace@example.org\u2028", f"a@{'b.' * 130}org"),
    *("grace@example.org\nBcc: me@example.org", "=?utf-8?q?a?=@b@example.org"),
    # A header would decode these.
    "=?utf-8?q?victim=40example.net?=@example.org",
    *("=?utf-8?q?a=0D=0ABcc:eve=40b.org?=@example.org", "a.=?x?=@example.org"),
]
pytestmark = pytest.mark.usefixtures("stranger")


@pytest.mark.parametrize("address", REFUSED)
def test_what_no_mail_can_be_sent_to_is_refused(app: Flask, address: str) -> None:
    with pytest.raises(Reason, match="Must be an address"):
        checked_address(address)
    result = run_command(app, "user", "email", USERNAME, address)
    assert (result.exit_code, "Traceback" in result.output) == (1, False)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("grace@example.org", "grace@example.org"),
        (" Grace+tag@EXAMPLE.org ", "Grace+tag@example.org"),
        ("grace@münchen.de", "grace@xn--mnchen-3ya.de"),
        ("grace@straße.de", "grace@xn--strae-oqa.de"),
        ("grace@strasse.de", "grace@strasse.de"),
        ("o'brien@sub.example.co", "o'brien@sub.example.co"),
        ("grace@example.test", "grace@example.test"),
        (LONGEST, LONGEST),
    ],
)
def test_who_gets_the_mail_logs_in_by_what_was_typed(typed: str, stored: str) -> None:
    registration.request_registration(NAME, checked_address(typed), STRONG)
    registration.confirm_registration(mailed_token(), password=STRONG, new_password=None)
    assert recipients() == [stored]
    assert all(has_password(each) for each in (typed, stored, stored.upper()))


def test_addresses_that_only_look_alike_to_case_folding_are_two(app: Flask) -> None:
    """Whoever owns the one domain must not get the mails of the other."""
    assert run_command(app, "user", "email", USERNAME, "ada@strasse.de").exit_code == 0
    create = ("user", "create", "grace", "--email", "ada@straße.de", "--password-stdin")
    assert run_command(app, *create, typed=PASSWORD).exit_code == 0
    names = []
    for address in ("ada@strasse.de", "ADA@STRAßE.de"):
        recovery.request_password_reset(checked_address(address))
        names.append(development_mails()[-1].get_content().split()[0])
    assert names == [USERNAME, "grace"]


@pytest.mark.parametrize("command", [["email", USERNAME], ["create", "thief", "--email"]])
def test_an_operator_gives_no_address_twice(app: Flask, command: list[str]) -> None:
    add_user("grace", "grace@example.org")
    result = run_command(app, "user", *command, "GRACE@example.org")
    assert (result.exit_code, "Traceback" in result.output) == (1, False), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert (user_of().email, User.find("thief")) == (None, None)
