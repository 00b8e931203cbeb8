"""A second service checks the tokens of a project, with the module that its page prints."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from secure_flask.settings import keyrings

import following
import services
import support
from conftest import NewProject
from services import clients

pytestmark = pytest.mark.all

PAGE = support.PAGES / "recipes" / "second-service.md"
OLD, NEW = keyrings.new_key("old"), keyrings.new_key("new")


@dataclass(frozen=True)
class Site:
    """A project that gives out tokens, at an address that stays."""

    project: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serving(self, *keys: str) -> AbstractContextManager[object]:
        named = json.dumps(dict.fromkeys(("TOKEN_ISSUER", "TOKEN_AUDIENCE"), self.address))
        log, ring = self.project / "log", ",".join(keys)
        port = str(self.port)
        return services.serving(self.project, log, TOKEN_KEYS=ring, PORT=port, POLICY=named)

    def new_token(self) -> str:
        return str(clients.log_in(self.port).body["token"])


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    return new_project(token_type="jwt")


@pytest.fixture(scope="module")
def served(project: Path) -> Iterator[Site]:
    site = Site(project, support.free_port())
    with site.serving(OLD):
        yield site


@pytest.fixture
def site(project: Path) -> Site:
    """A site that is not served yet."""
    return Site(project, support.free_port())


def second_service(site: Site) -> Any:
    """The module as printed, for this site, just started."""
    [_, code] = [step.code for step in following.steps(PAGE) if step.language == "python"]
    module = ModuleType("tokens")
    exec(code.replace("https://www.example.org", site.address), module.__dict__)  # noqa: S102
    return module


def key_of(ring: str) -> Ed25519PrivateKey:
    [seed] = keyrings.read_keyring(ring).values()
    return Ed25519PrivateKey.from_private_bytes(seed)


def test_it_reads_whose_a_token_is_and_asks_whether_its_login_has_ended(
    served: Site,
) -> None:
    second = second_service(served)
    token = served.new_token()
    said = second.ask(token)
    assert second.check(token)["sub"] == said["id"]
    assert (said["username"], said["roles"]) == ("ada", [])
    bearer = {"Authorization": f"Bearer {token}"}
    assert clients.ask(served.port, "/logout", {}, bearer).status == 204
    assert second.ask(token) is None
    # What the page says that it cannot know.
    assert second.check(token)["sub"] == said["id"]


def forged(genuine: str, **changes: Any) -> str:
    """A token like a genuine one, but for some claims, the key, or members of its header."""
    header = {**jwt.get_unverified_header(genuine), **changes.pop("header", {})}
    claims = {
        **jwt.decode(genuine, options={"verify_signature": False}),
        **changes.pop("claims", {}),
    }
    key = changes.pop("key", key_of(OLD))
    return jwt.encode(
        {k: v for k, v in claims.items() if v is not None}, key, header["alg"], header
    )


FORGERIES: dict[str, dict[str, Any]] = {
    "another key": {"key": key_of(NEW)},
    "no algorithm": {"key": None, "header": {"alg": "none"}},
    "a shared secret": {"key": b"x" * 32, "header": {"alg": "HS256"}},
    "a key nobody has": {"header": {"kid": "another"}},
    "no key": {"header": {"kid": None}},
    "another kind": {"header": {"typ": "JWT"}},
    "another issuer": {"claims": {"iss": "https://another.example"}},
    "another audience": {"claims": {"aud": "https://another.example"}},
    "expired": {"claims": {"exp": 1}},
    "no end": {"claims": {"exp": None}},
    "not yet": {"claims": {"nbf": 2**40, "exp": 2**41}},
    "no login": {"claims": {"sid": None}},
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_it_refuses_what_the_site_did_not_sign_for_it(served: Site, forgery: str) -> None:
    second, genuine = second_service(served), served.new_token()
    assert second.check(forged(genuine))
    with pytest.raises(jwt.InvalidTokenError):
        second.check(forged(genuine, **FORGERIES[forgery]))


def test_unknown_keys_cause_one_request_in_a_while(served: Site, subtests: pytest.Subtests) -> None:
    second = second_service(served)
    fetch = second._fetch = Mock(wraps=second._fetch)
    token = served.new_token()
    for number in range(3):
        with subtests.test(number=number), pytest.raises(jwt.InvalidTokenError):
            second.check(forged(token, header={"kid": f"unknown{number}"}))
    assert second.check(token)
    assert fetch.call_count == 1


def test_a_new_key_needs_no_restart_and_a_removed_one_ends(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = second_service(site)
    now = time.monotonic()

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(second.time, "monotonic", lambda: now)
    with site.serving(OLD):
        old = site.new_token()
        assert second.check(old)
    wait(second.PAUSE + 1)
    with site.serving(NEW, OLD):
        assert second.check(site.new_token())
        assert second.check(old)
    with site.serving(NEW):
        # Old enough to be forgotten, and not older.
        assert second.check(old)
        wait(second.MAX_AGE + 1)
        with pytest.raises(jwt.InvalidTokenError):
            second.check(old)


def test_keys_that_cannot_be_read_again_are_used_for_a_while(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = second_service(site)
    with site.serving(OLD):
        token = site.new_token()
        assert second.check(token)
    assert second.check(token)
    later = time.monotonic() + second.MAX_AGE + 1
    monkeypatch.setattr(second.time, "monotonic", lambda: later)
    with pytest.raises(OSError, match=r"refused|too old"):
        second.check(token)
    with pytest.raises(OSError, match=r"refused|too old"):
        second.check(token)


def test_the_page_names_the_lifetime_of_a_token(project: Path) -> None:
    [ages] = re.findall(r"^ +MAX_AGE, .* = (.+)$", PAGE.read_text("utf-8"), re.M)
    read = "from secure_flask.auth.tokens import jwt_token as j; print(j.LIFETIME, j.LEEWAY)"
    lifetime, leeway = support.python("-c", read, cwd=project).split()[-2:]
    assert (lifetime, leeway) == (ages.split(", ")[0], ages.split(", ")[2])
