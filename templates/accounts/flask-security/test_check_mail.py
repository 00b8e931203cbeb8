"""A mail server that would not send."""

from tests.checks.conftest import Find, MakeSite, found_in


def test_a_mail_server_that_is_away_is_reported(make_site: MakeSite) -> None:
    [message] = found_in(make_site(mail_url="smtp://localhost:1"), "mail.unreachable")
    assert "(ConnectionRefusedError)" in message


def test_one_that_is_there_and_development_without_any_are_not(
    make_migrated: MakeSite, find: Find
) -> None:
    assert found_in(make_migrated(), "mail.unreachable") == []
    assert find("mail.unreachable", MAIL_URL="") == []
