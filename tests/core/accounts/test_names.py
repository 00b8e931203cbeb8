"""Names: no name looks like that of another user, and everybody may change theirs."""

import sys
import unicodedata

import pytest
from flask import Flask
from secure_flask import log_in
from secure_flask.accounts import change_name, checked_name, development_mails
from secure_flask.accounts.names import folded_name
from secure_flask.auth import throttle
from secure_flask.web.validation import Reason

from core.accounts.observing import counted_attempts
from core.accounts.people import (
    ADDRESS,
    STRONG,
    add_user,
    has_password,
    new_login,
    refused,
    request_of,
    run_command,
    set_address,
    status_of,
)
from core.accounts.site import User
from core.conftest import USERNAME, Configure, MakeApp

# Source: Unicode 16, DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
IGNORABLE = [
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
    *(*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F)),
    *(*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9)),
    *(*range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000)),
]
UNSEEN = [*map(chr, IGNORABLE), *"\u2800\U0001d159\ue000\U0010fffd\u0378\0\x85\u2028"]
UNUSABLE = ["", " ", "\u3000", "a@b", "a\uff20b", "x" * 151, "\ufdfa" * 10]


def is_refused(name: str) -> bool:
    try:
        checked_name(name)
    except Reason:
        return True
    return False


@pytest.mark.usefixtures("user")
def test_no_name_holds_what_nobody_sees() -> None:
    names = [*(f"ad{each}a" for each in UNSEEN), *UNUSABLE]
    assert [ascii(name) for name in names if not is_refused(name)] == []


@pytest.mark.slow
@pytest.mark.usefixtures("user")
def test_no_character_makes_a_name_that_cannot_be_stored() -> None:
    """Each is refused, or becomes a text that is taken as it is, whose folded form is short."""
    # Most of the planes above hold no character at all.
    letters = map(chr, (*range(0x3000, 0x34000, 7), *range(0x34000, sys.maxunicode + 1, 101)))
    names = [name for name in (f"ad{letter}a" for letter in letters) if not is_refused(name)]
    stored = {name: checked_name(name) for name in names}
    assert [name for name in names if checked_name(stored[name]) != stored[name]] == []
    assert [name for name in names if len(folded_name(name)) > 4 * len(stored[name])] == []


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("name", ["Zoë", "Ада Лавлейс", "李小龍", "O'Brien", "ada_1-2.3", "🦉 owl"])
def test_names_of_all_languages_are_kept(name: str) -> None:
    assert checked_name(name) == unicodedata.normalize("NFKC", name)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    "same", ["GRACE  Hopper", " grace hopper\u3000", "\uff47race hopper", "grace\u00a0hopper"]
)
def test_spellings_of_a_name_are_the_same_user_and_taken(same: str) -> None:
    assert add_user("Grace Hopper") is User.find(same)
    with refused(409, "username"):
        change_name(checked_name(same))


@pytest.mark.usefixtures("user")
def test_names_of_those_who_run_the_site_are_reserved_for_an_operator(
    app: Flask,
    configure: Configure,
    subtests: pytest.Subtests,
) -> None:
    for name in ("admin", "ADMIN", "Ro\uff4ft", " security "):
        with (
            subtests.test(name=name),
            pytest.raises(Reason, match="This name is reserved: choose another"),
        ):
            checked_name(name)
    made = run_command(app, "user", "create", " security ", "--password-stdin", typed=STRONG)
    assert (made.exit_code, has_password("security")) == (0, True)
    # One that nobody can use is refused to an operator too.
    refused = run_command(app, "user", "create", "gr\u200bace")
    assert (refused.exit_code, "Traceback" in refused.output) == (1, False)
    configure(app, RESERVED_NAMES=["Boss"])
    assert (is_refused("bOSS"), is_refused("admin")) == (True, False)


# Another name.


@pytest.mark.asvs("6.3.7")
def test_a_user_changes_the_name_and_is_told_by_mail(app: Flask, user: User) -> None:
    assert change_name("countess").name == "countess"
    with request_of(app):
        found = [User.find(name) is not None for name in (USERNAME, "Countess", ADDRESS)]
        assert found == [False, True, True]
    [notice] = development_mails()
    assert (notice["To"], notice["Subject"]) == (ADDRESS, "name_changed")
    assert notice.get_content().split() == ["countess", "1", USERNAME]


@pytest.mark.asvs("2.4.1")
def test_nobody_tries_many_names(make_app: MakeApp) -> None:
    app = make_app(login_rate_limit="3 per minute")
    with app.app_context():
        add_user("grace")
        secret = new_login()
    with request_of(app, secret):
        assert [status_of(change_name, "grace") for _ in range(4)] == [409, 409, 409, 429]


# What the limits of logins tell.


def log_in_wrongly(name: str) -> int:
    return status_of(log_in, name, STRONG)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("name", [USERNAME, "nobody", "nobody@example.org"])
def test_guesses_count_the_same_for_all_spellings_of_known_and_unknown_names(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the limit of an account tells whether there is one."""
    counted = counted_attempts(monkeypatch)
    spelled = (name, name.upper(), f" {name}")
    assert [log_in_wrongly(each) for each in spelled] == [401] * 3
    assert len(counted) == 1


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    "other",
    ["{}@example\u3002org", "{}\uff20example.org", "{}@example.org\u1680", "\u1680{}@example.org"],
    ids=ascii,
)
def test_no_spelling_of_an_address_counts_otherwise_where_it_is_known(
    other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for name in ("ada.lovelace", "nobody"):
        counted = counted_attempts(monkeypatch)
        log_in_wrongly(f"{name}@example.org")
        log_in_wrongly(other.format(name))
        counts.append(len(counted))
    assert counts[0] == counts[1]


def test_the_limit_does_not_tell_which_address_belongs_to_a_name(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "WIDE", 2)
    app = make_app(login_rate_limit="2 per minute")
    with app.app_context():
        set_address(ADDRESS)

    def tries(name: str, *networks: str) -> list[int]:
        statuses = []
        for network in networks:
            with request_of(app, network=network):
                statuses.append(log_in_wrongly(name))
        return statuses

    # Each network may try once more from then on.
    everywhere = [f"198.51.100.{last}" for last in range(1, 5)]
    assert tries(USERNAME, *everywhere) == [401] * 4
    assert tries(USERNAME, "192.0.2.1", "192.0.2.1") == [401, 429]
    assert tries(ADDRESS, *["192.0.2.2"] * 2) == [401, 401]
    assert tries("nobody@example.org", *["192.0.2.3"] * 2) == [401, 401]
