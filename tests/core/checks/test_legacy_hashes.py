"""How many legacy hashes are left, and which of them tell names by their time."""

import pytest
from flask import Flask
from secure_flask.auth import users
from secure_flask.checks import legacy_hashes
from secure_flask.database import db

from core.checks.conftest import MakeSite, found_in
from core.conftest import PASSWORD, Configure

USUAL, DEAR, CHEAP = "old:100:s$usual", "old:20000000:s$dear", "old:1:s$cheap"
# What else a column of hashes may hold.
OTHERS = ["OLD:100:s$a", "old", "!", "%old:100"]


@pytest.fixture
def site(make_migrated: MakeSite) -> Flask:
    """A site with LEGACY_HASHES, whose check takes longer with more rounds."""
    return make_migrated(LEGACY_HASHES={"old:": (lambda stored, password: False, USUAL)})


def store(app: Flask, *hashes: str) -> None:
    """Give users these hashes, beside the one user with a new hash."""
    with app.app_context():
        for number, stored in enumerate(hashes):
            users.create_user(f"user-{number}", PASSWORD).password_hash = stored
        db.session.commit()


def test_legacy_hashes_that_are_left_are_counted(site: Flask) -> None:
    store(site, USUAL, USUAL, *OTHERS)
    assert found_in(site, "passwords.legacy-hashes") == [
        "2 of 7 users have a legacy hash, which their next login replaces."
    ]


def test_the_line_of_the_policy_is_to_be_deleted_when_none_is_left(site: Flask) -> None:
    store(site, *OTHERS)
    [message] = found_in(site, "passwords.legacy-hashes")
    assert message.startswith("No user has a legacy hash any more")


def test_nothing_is_said_without_legacy_hashes(make_migrated: MakeSite) -> None:
    app = make_migrated()
    store(app, USUAL)
    assert found_in(app, "passwords.legacy-hashes") == []
    assert found_in(app, "passwords.legacy-hash-cost") == []


def test_a_hash_of_the_samples_cost_is_no_finding(site: Flask) -> None:
    store(site, USUAL, "old:100:t$another")
    assert found_in(site, "passwords.legacy-hash-cost") == []


def test_hashes_that_are_cheaper_or_dearer_than_the_sample_are_reported(site: Flask) -> None:
    store(site, USUAL, CHEAP, DEAR, DEAR)
    [message] = found_in(site, "passwords.legacy-hash-cost")
    assert message.startswith("3 legacy hashes have other numbers than the sample")
    assert "$dear" not in message


# Hashes of argon2 with other parameters than those of new ones.
IMPORTED = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"
ELSEWHERE = IMPORTED.replace("t=3", "t=30")


def test_argon2_of_other_parameters_is_reported_until_the_policy_names_it(
    make_migrated: MakeSite, configure: Configure
) -> None:
    app = make_migrated()
    store(app, IMPORTED, IMPORTED, ELSEWHERE, "!", "*")
    assert found_in(app, "passwords.legacy-hashes") == []
    assert found_in(app, "passwords.legacy-hash-cost") == [
        "3 hashes of argon2 have other parameters than new ones: the time of a login tells that "
        "these names exist."
    ]
    named = {"$argon2": (lambda stored, password: False, IMPORTED)}
    configure(app, LEGACY_HASHES=named)
    assert found_in(app, "passwords.legacy-hashes") == [
        "3 of 6 users have a legacy hash, which their next login replaces."
    ]
    [message] = found_in(app, "passwords.legacy-hash-cost")
    assert message.startswith("1 legacy hashes have other numbers than the sample")


def test_argon2_of_other_parameters_is_reported_beside_another_scheme(site: Flask) -> None:
    store(site, USUAL, IMPORTED)
    [message] = found_in(site, "passwords.legacy-hash-cost")
    assert message.startswith("1 hashes of argon2 have other parameters than new ones")


NUMBERS = {
    "scrypt:32768:8:1$aB3$ff": (32768, 8, 1),
    "pbkdf2:sha256:1000000$x$0": (1000000, 0),
    "pbkdf2_sha256$870000$salt$hash=": (870000,),
    "$2b$12$abcdefghijklmnopqrstuv": (12,),
    "$6$rounds=5000$salt$hash": (6, 5000),
    "no numbers": (),
}


@pytest.mark.parametrize("stored", NUMBERS)
def test_the_cost_of_a_hash_is_in_its_numbers(stored: str) -> None:
    assert legacy_hashes._cost(stored) == NUMBERS[stored]


def test_without_a_database_the_other_check_says_so(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_hashes, "problem_of_migrations", lambda: "away")
    assert found_in(site, "passwords.legacy-hashes") == []
    assert found_in(site, "passwords.legacy-hash-cost") == []
