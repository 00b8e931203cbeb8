"""security.txt, as a finder's tool reads it (RFC 9116)."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest
from flask.testing import FlaskClient
from secure_flask import security_txt
from secure_flask.web.origins import PolicyError

from core.conftest import MakeApp

PATH = "/.well-known/security.txt"

CONTACTS = {
    "security@example.org": "mailto:security@example.org",
    "a?b@example.org": "mailto:a%3Fb@example.org",
    "https://example.org/report?a=b": "https://example.org/report?a=b",
}

UNUSABLE = [
    "",
    "nobody",
    "a@b",
    "http://example.org",
    "mailto:a@example.org",
    "javascript:alert(1)",
    "a@example.org\nContact: mailto:evil@example.net",
    "https://example.org/\nContact: mailto:evil@example.net",
    "a@example.org\n",
]


def fields(client: FlaskClient) -> dict[str, str]:
    lines = client.get(PATH).text.splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


def expires(client: FlaskClient) -> datetime:
    return datetime.fromisoformat(fields(client)["Expires"])


def test_it_is_plain_text_with_a_contact_and_an_expiry(client: FlaskClient) -> None:
    answer = client.get(PATH)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert fields(client).keys() >= {"Contact", "Expires"}
    assert timedelta(days=1) < expires(client) - datetime.now(UTC) < timedelta(days=366)


def test_the_contact_is_a_uri(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    for contact, uri in CONTACTS.items():
        with subtests.test(contact):
            site = make_app(SECURITY_CONTACT=contact).test_client()
            assert fields(site)["Contact"] == uri


def test_it_never_lapses_while_the_app_runs(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    years_later = datetime.now(UTC) + timedelta(days=3650)

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(years_later.timestamp(), tz)

    assert expires(client) < years_later
    monkeypatch.setattr(security_txt, "datetime", Later)
    assert expires(client) > years_later


def test_another_contact_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    for contact in UNUSABLE:
        with subtests.test(contact), pytest.raises(PolicyError, match="SECURITY_CONTACT"):
            make_app(SECURITY_CONTACT=contact)


def test_it_has_the_policys_own_lines_too(make_app: MakeApp) -> None:
    own = {"Policy": "https://example.org/policy", "Preferred-Languages": "de, en"}
    site = make_app(SECURITY_TXT=own).test_client()
    assert fields(site).keys() == {"Contact", "Expires", *own}
    assert fields(site).items() >= own.items()


@pytest.mark.parametrize("broken", ["\n", "\r", "\x85", "\u2028", "\0", "\x1b"])
def test_a_line_that_would_begin_another_stops_the_app(make_app: MakeApp, broken: str) -> None:
    for name, value in (("Policy", f"a{broken}Contact: b"), (f"Policy: a{broken}Contact", "b")):
        with pytest.raises(PolicyError, match="SECURITY_TXT"):
            make_app(SECURITY_TXT={name: value})
