"""security.txt, as a finder's tool reads it (RFC 9116)."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest
from flask.testing import FlaskClient

from app import security_txt
from app.security.origins import PolicyError
from tests.conftest import MakeApp

PATH = "/.well-known/security.txt"


def fields(client: FlaskClient) -> list[tuple[str, str]]:
    lines = client.get(PATH).text.splitlines()
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def expires(client: FlaskClient) -> datetime:
    return datetime.fromisoformat(dict(fields(client))["Expires"])


def test_it_is_plain_text_in_utf_8(client: FlaskClient) -> None:
    answer = client.get(PATH)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; charset=utf-8"


def test_it_has_one_contact_and_one_expiry(client: FlaskClient) -> None:
    assert [name for name, _ in fields(client)] == ["Contact", "Expires"]


@pytest.mark.parametrize(
    ("contact", "uri"),
    [
        ("security@example.org", "mailto:security@example.org"),
        ("a?b@example.org", "mailto:a%3Fb@example.org"),
        ("https://example.org/report?a=b", "https://example.org/report?a=b"),
    ],
)
def test_the_contact_is_a_uri(make_app: MakeApp, contact: str, uri: str) -> None:
    client = make_app(SECURITY_CONTACT=contact).test_client()
    assert dict(fields(client))["Contact"] == uri


def test_it_expires_within_a_year(client: FlaskClient) -> None:
    assert timedelta(days=30) < expires(client) - datetime.now(UTC) < timedelta(days=365)


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


@pytest.mark.parametrize(
    "contact",
    [
        "",
        "nobody",
        "a@b",
        "http://example.org",
        "mailto:a@example.org",
        "javascript:alert(1)",
        "a@example.org\nContact: mailto:evil@example.net",
        "https://example.org/\nContact: mailto:evil@example.net",
        "a@example.org\n",
    ],
)
def test_another_contact_stops_the_app(make_app: MakeApp, contact: str) -> None:
    with pytest.raises(PolicyError, match="SECURITY_CONTACT"):
        make_app(SECURITY_CONTACT=contact)
