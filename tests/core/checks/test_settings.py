"""Misspelt names, settings of development or of an example, secrets found twice, and no proxy."""

import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager  # type: ignore[import-untyped]
from gunicorn.config import Config
from secure_flask import consumes, on_starting
from secure_flask.auth import passwords
from secure_flask.checks import settings
from secure_flask.settings import SETTINGS, Settings, keyrings
from secure_flask.settings.types import LOOPBACK_NAMES
from secure_flask.state import app_state

from core.checks.conftest import Find, MakeSite, found_in
from core.conftest import SECRETS

KEY = SECRETS["encryption_keys"]
YEAR = 365 * 24 * 60 * 60  # seconds
HSTS = "Strict-Transport-Security"
SLIPS = {
    "LOGIN_RATE_LIMT": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LIMTI": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LINIT": "LOGIN_RATE_LIMIT",
    "RATE_LIMTI": "RATE_LIMIT",
    "LOGIN_RATELIMIT": "LOGIN_RATE_LIMIT",
    "trusted_host": "TRUSTED_HOSTS",
    "DATABASE_URI": "DATABASE_URL",
    "PP_ENV": "APP_ENV",
    "PROXY_HOP": "PROXY_HOPS",
}
# DATABASE_URI stands beside DATABASE_URL.
OWN = """
    APP_NAME DATABASE_URL_2 DATABASE_URL2 DATABASE_URL_RO DATABASE_NAME DATABASE_USER
    OLD_DATABASE_URL TEST_DATABASE_URL IP_RATE_LIMIT LIMIT FLASK_APP FLASK_ENV FLASK_RUN_PORT
    FLASK_SKIP_DOTENV GUNICORN_CMD_ARGS BIND_HOST HOST PATH PGHOST PGSSLMODE PORT POSTGRES_PASSWORD
    PYTHONPATH SECRET_KEY_FILE SSL_CERT_FILE VIRTUAL_ENV DATABASE_URI DATABASE_URL
"""


# By check and name: the values that it reports, and others that are like them.
VALUES: dict[tuple[str, str], tuple[list[Any], list[Any]]] = {
    ("settings.development", "PRODUCTION"): ([False], [True]),
    ("settings.development", "DEBUG"): ([True], [False]),
    ("settings.testing", "TESTING"): ([True], [False]),
    ("settings.testing", "PROPAGATE_EXCEPTIONS"): ([True], [False, None]),
    ("settings.testing", "TRAP_BAD_REQUEST_ERRORS"): ([True], [False, None]),
    ("settings.testing", "TRAP_HTTP_EXCEPTIONS"): ([True], [False]),
    ("settings.example", "SECURITY_CONTACT"): (
        ["security@example.com", "https://www.example.org/security"],
        ["security@my-example.com", "security@example.com.test", "a@example-it.com"],
    ),
    ("hsts.short", "HEADER_CHANGES"): (
        [{HSTS: f"max-age={YEAR - 1}"}, {HSTS: "preload"}, {HSTS: None}],
        [{HSTS: f"max-age={YEAR}"}],
    ),
    ("proxies.none", "PROXY_HOPS"): ([0], [1]),
    ("csp.report-only", "CSP_REPORT_ONLY"): ([True], [False]),
    ("passwords.short", "PASSWORD_MIN_LENGTH"): ([8, 14], [15, 20]),
    ("policy.unknown-endpoint", "LOGIN_PAGE"): (["site.logn"], ["login.page", "site.login"]),
    ("policy.unknown-endpoint", "PUBLIC_ENDPOINTS"): ([{"gone": "Open."}], [{"site.me": "Open."}]),
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the variables of the machine that runs the tests."""
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "FLASK_APP": "wsgi"})


def test_a_misspelt_setting_is_reported(
    find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for name, meant in SLIPS.items():
        with subtests.test(name=name, meant=meant), monkeypatch.context() as environment:
            environment.setitem(os.environ, name, "1")
            said = f"Nothing reads the setting {name.upper()}: is {meant} meant?"
            assert find("settings.misspelt") == [said]
    (tmp_path / ".env").write_text("LOGIN_RATE_LIMT=3 per minute\nMY_LIMIT=3\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    assert len(find("settings.misspelt")) == 1


@pytest.mark.skipif("os.name != 'posix'", reason="the mode of a file means nothing here")
@pytest.mark.parametrize("way", ["the project", "--env-file", "--env-file="])
def test_a_file_of_settings_that_others_may_read_is_named(
    find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    file = tmp_path / "app.env"
    file.write_text("SECRET_KEY=x\n")
    if way == "the project":
        monkeypatch.setitem(Settings.model_config, "env_file", file)
    given = {"--env-file": [way, str(file)], "--env-file=": [f"{way}{file}"]}.get(way, [])
    monkeypatch.setattr("sys.argv", ["flask", *given, "check", "--deploy"])
    file.chmod(0o640)
    assert find("settings.readable") == []
    file.chmod(0o644)
    [found] = find("settings.readable")
    assert str(file) in found


def test_a_name_of_the_owner_is_no_slip(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OWN.split():
        monkeypatch.setitem(os.environ, name, "1")
    assert find("settings.misspelt") == []


def test_a_setting_of_the_owner_is_known(make_site: MakeSite) -> None:
    class Own(Settings):
        invoice_limit: int = 3
        token_keyz: str = ""
        max_logins: int = 20

    app = make_site()
    app_state(app)[SETTINGS] = Own.model_construct()
    os.environ.update({"TOKEN_KEYZ": "1", "INVOICE_LIMITS": "1", "MAX_LOGINS": "1"})
    [message] = found_in(app, "settings.misspelt")
    assert message.endswith("INVOICE_LIMITS: is INVOICE_LIMIT meant?")


def test_a_value_of_the_policy_in_the_environment_is_reported(
    find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAX_LOGINS", "token_issuer", "PROJECT_NAME"):
        monkeypatch.setitem(os.environ, name, "1")
    assert find("settings.misspelt") == [
        "Nothing reads the setting MAX_LOGINS: set it in app/policy.py.",
        "Nothing reads the setting TOKEN_ISSUER: set it in app/policy.py.",
    ]


def test_a_misspelt_name_in_the_policy_is_reported(find: Find) -> None:
    assert find("policy.misspelt") == []
    slips = {"CORS_ORIGIN": [], "LINK": [], "MAX_CONTENT_LENGHT": 1, "SESSION_COOKIE_SECUR": True}
    assert find("policy.misspelt", **slips, PARTNERS=[], TASKS_PER_PAGE=3) == [
        "Nothing reads CORS_ORIGIN: is CORS_ORIGINS meant?",
        "Nothing reads LINK: is LINKS meant?",
        "Nothing reads MAX_CONTENT_LENGHT: is MAX_CONTENT_LENGTH meant?",
        "Nothing reads SESSION_COOKIE_SECUR: is SESSION_COOKIE_SECURE meant?",
    ]
    assert find("policy.misspelt", SECOND_FACTOR_ROLES=["admin"]) == [
        "Nothing reads SECOND_FACTOR_ROLES: it belongs to self-service accounts."
    ]
    [message] = find("policy.unknown-endpoint", LOGIN_PAGE="site.logn")
    assert message.endswith("is site.login meant?")


@pytest.mark.asvs("6.2.1")
def test_a_value_is_reported_where_it_endangers_the_site(
    find: Find,
    subtests: pytest.Subtests,
) -> None:
    for (finding_id, name), (found, fine) in VALUES.items():
        with subtests.test(finding_id=finding_id, name=name, found=found, fine=fine):
            assert find(finding_id) == []
            for value in [*found, *fine]:
                number = len(find(finding_id, **{name: value}))
                assert number == (value in found), (finding_id, value)


def test_names_that_no_visitor_comes_by_are_reported(
    make_site: MakeSite, subtests: pytest.Subtests
) -> None:
    for hosts, found in (
        (["localhost"], ["hosts.missing"]),
        (LOOPBACK_NAMES, ["hosts.missing"]),
        (["localhost", "www.safe.test"], []),
        (["www.safe.test", "www.example.org"], ["settings.example"]),
        (["site.example"], ["settings.example"]),
        (["example.safe.test", "my-example.com"], []),
    ):
        with subtests.test(hosts=hosts, found=found):
            app = make_site(trusted_hosts=hosts)
            assert [n for n in ("hosts.missing", "settings.example") if found_in(app, n)] == found


def test_a_missing_breach_list_is_reported(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "has_breach_list", lambda: False)
    assert len(find("passwords.no-breach-list")) == 1


def test_a_key_that_serves_two_purposes_is_reported(find: Find, subtests: pytest.Subtests) -> None:
    assert find("secrets.reused") == []
    reused = f"{keyrings.new_key('2')},{KEY.replace(':', '9:')}"
    for changed, both in (
        ({"BLIND_INDEX_KEYS": reused}, "ENCRYPTION_KEYS and BLIND_INDEX_KEYS "),
        ({"TOKEN_KEYS": reused}, "ENCRYPTION_KEYS and TOKEN_KEYS "),
        ({"SECRET_KEY": KEY}, "SECRET_KEY and ENCRYPTION_KEYS "),
        ({"SECRET_KEY": f"{KEY.partition(':')[2]}="}, "SECRET_KEY and ENCRYPTION_KEYS "),
    ):
        with subtests.test(changed=changed, both=both):
            [message] = find("secrets.reused", **changed)
            assert message.startswith(both)


REACHED = ["0.0.0.0", "::", "[::]", "192.0.2.1", "app.internal"]  # noqa: S104
UNREACHED = ["localhost", "127.0.0.1", "127.0.0.2", "::1", "[::1]", ""]


def test_a_server_that_other_machines_reach_is_reported(
    find: Find, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    for host in [*UNREACHED, *REACHED]:
        with subtests.test(host=host):
            os.environ["BIND_HOST"] = host
            expected = [f"BIND_HOST is {host}"] if host in REACHED else []
            assert [line.partition(",")[0] for line in find("proxies.bypassed")] == expected
    # A container is reached by the proxy of another.
    with monkeypatch.context() as docker:
        docker.setattr(settings, "CONTAINER_FILES", (tmp_path,))
        assert find("proxies.bypassed") == []
    os.environ["KUBERNETES_SERVICE_HOST"] = "192.0.2.1"
    assert find("proxies.bypassed") == []


def test_a_view_that_accepts_more_than_the_proxy_is_reported() -> None:
    app = Flask("app")

    @app.post("/upload")
    @consumes("application/octet-stream", max_size=2**20 + 1)
    def upload() -> str:
        return ""

    def number_found(proxied: int, body: int) -> int:
        app.config.update(MAX_REQUEST_BODY=proxied, MAX_CONTENT_LENGTH=body)
        return len(found_in(app, "proxies.small-bodies"))

    assert number_found(2**20, 2**16) == 1
    assert number_found(2**20 + 1, 2**16) == 0
    assert number_found(2**21, 2**22) == 1


def test_what_the_cookie_lacks_is_named_with_its_line(
    make_site: MakeSite, subtests: pytest.Subtests
) -> None:
    safe = {"REMEMBER_COOKIE_SECURE": True, "REMEMBER_COOKIE_SAMESITE": "Lax"}
    config: dict[str, Any]
    for config, named in (
        ({}, ["SECURE", "SAMESITE"]),
        (safe, []),
        ({**safe, "REMEMBER_COOKIE_SAMESITE": "Strict"}, []),
        ({**safe, "REMEMBER_COOKIE_SAMESITE": "None"}, ["SAMESITE"]),
        ({**safe, "REMEMBER_COOKIE_HTTPONLY": False}, ["HTTPONLY"]),
    ):
        with subtests.test(config=config, named=named):
            site = make_site(**config)
            assert found_in(site, "remember-cookie.unprotected") == []
            LoginManager(site)
            found = found_in(site, "remember-cookie.unprotected")
            assert re.findall(r"^REMEMBER_COOKIE_(\w+) ", "\n".join(found), re.MULTILINE) == named


def start(
    monkeypatch: pytest.MonkeyPatch, *addresses: str, token_type: str = "jwt", **environment: str
) -> None:
    """Start gunicorn at these addresses, as its configuration reads them."""
    secrets = {name.upper(): secret for name, secret in SECRETS.items()}
    for name, value in {**secrets, **environment}.items():
        monkeypatch.setenv(name, value)
    server = SimpleNamespace(cfg=Config())
    server.cfg.set("bind", [*addresses])
    on_starting(server, Settings, token_type)


@pytest.mark.parametrize("address", ["0.0.0.0:8000", "[::]:8000", "192.168.1.5:80", ":8000"])
def test_gunicorn_serves_this_machine_alone_with_the_settings_of_development(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    here = ("127.0.0.1:8000", "[::1]:8000", "localhost:8000", "unix:/run/app.sock", "fd://3")
    start(monkeypatch, *here, APP_ENV="development")
    with pytest.raises(SystemExit, match=r"APP_ENV=development: .* unset BIND_HOST"):
        start(monkeypatch, *here, address, APP_ENV="development")
    start(monkeypatch, address, APP_ENV="production", TRUSTED_HOSTS="www.example.org")


def test_gunicorn_stops_without_the_keys_that_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    start(monkeypatch, APP_ENV="development", TOKEN_KEYS="", token_type="opaque")
    with pytest.raises(SystemExit, match="TOKEN_KEYS is missing"):
        start(monkeypatch, APP_ENV="development", TOKEN_KEYS="")
