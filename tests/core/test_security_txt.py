"""security.txt, as a finder's tool reads it (RFC 9116)."""

from datetime import UTC, datetime, timedelta

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
    *("", "nobody", "a@b", "http://example.org", "mailto:a@example.org", "javascript:alert(1)"),
    "a@example.org\nContact: mailto:evil@example.net",
    "https://example.org/\nContact: mailto:evil@example.net",
    "a@example.org\n",
]


def fields(client: FlaskClient) -> dict[str, str]:
    answer = client.get(PATH)
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    lines = answer.text.splitlines()
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


def test_it_never_lapses_while_the_app_runs(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_txt, "VALID_FOR", timedelta(days=3650))
    left = datetime.fromisoformat(fields(client)["Expires"]) - datetime.now(UTC)
    assert 3649 <= left.days <= 3650


@pytest.mark.parametrize("contact", CONTACTS)
def test_the_contact_is_a_uri_beside_the_policys_own_lines(make_app: MakeApp, contact: str) -> None:
    own = {"Policy": "https://example.org/policy", "Preferred-Languages": "de, en"}
    found = fields(make_app(SECURITY_CONTACT=contact, SECURITY_TXT=own).test_client())
    assert found.pop("Expires")
    assert found == {"Contact": CONTACTS[contact], **own}


def test_another_contact_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    for contact in UNUSABLE:
        with subtests.test(case=contact), pytest.raises(PolicyError, match="SECURITY_CONTACT"):
            make_app(SECURITY_CONTACT=contact)


def test_a_line_that_would_begin_another_stops_the_app(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    for broken in ("\n", "\r", "\x85", "\u2028", "\0", "\x1b"):
        for lines in ({"Policy": f"a{broken}Contact: b"}, {f"Policy: a{broken}Contact": "b"}):
            with subtests.test(case=lines), pytest.raises(PolicyError, match="SECURITY_TXT"):
                make_app(SECURITY_TXT=lines)
