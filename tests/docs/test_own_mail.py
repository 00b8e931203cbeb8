"""Mails of an owner, as their page writes them, reach a mail server with each kind of accounts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import following
import support
from conftest import NewProject
from services import mail_servers
from services.mail_servers import MailServer

pytestmark = pytest.mark.all

PAGE = support.PAGES / "recipes" / "own-mail.md"
ADDRESS = "ada@example.org"
MODULE = "app/mail.py"
# The core does this for the other kind, which tests/views/accounts tests.
by_its_own_code = pytest.mark.parametrize("project", ["builtin"], indirect=True)


@pytest.fixture(scope="module", params=support.CHOICES["accounts"])
def project(request: pytest.FixtureRequest, ready_project: NewProject) -> Path:
    project = ready_project(accounts=request.param)
    steps = [step for step in following.steps(PAGE) if step.language == "python"]
    [short] = [step.code for step in steps if step.file is None]
    for step in steps:
        if step.file and (request.param == "builtin" or step.file != "app/settings.py"):
            following.write(project, step)
    if request.param != "builtin":
        (project / MODULE).write_text(short, "utf-8")
    following.tidy(project)
    for command in (("seed",), ("user", "email", "ada", ADDRESS)):
        support.python("-m", "flask", *command, cwd=project)
    return project


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A mail server with STARTTLS, whose certificate the commands trust."""
    with mail_servers.running() as server:
        server.starttls = mail_servers.certificate(tmp_path, monkeypatch, "localhost")
        yield server


def remind(project: Path, server: MailServer, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command as in production."""
    named = {
        "APP_ENV": "production",
        "TRUSTED_HOSTS": "www.example.org",
        "PUBLIC_URL": "https://www.example.org",
        "MAIL_URL": server.url,
        "MAIL_FROM": "Example <no-reply@example.org>",
    }
    environment = os.environ | support.COMPILED | named | changes
    command = [sys.executable, "-m", "flask", "remind"]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


# tests/docs/test_docs.py has those of the other kind.
@pytest.mark.parametrize("project", ["self-service"], indirect=True)
def test_its_own_tests_and_types_are_right(project: Path) -> None:
    support.own_tests(project, "tests/test_reminders.py", "tests/test_settings.py")
    support.python("-m", "mypy", cwd=project)
    support.python("-m", "ruff", "check", "--no-cache", cwd=project)


def test_a_mail_with_a_link_to_the_site_goes_to_its_recipient_alone(
    project: Path, server: MailServer
) -> None:
    sent = remind(project, server)
    assert (sent.stdout, sent.returncode) == ("Sent 1 mails\n", 0), sent.stderr
    assert server.envelopes == [("no-reply@example.org", [ADDRESS])]
    mail = server.next()
    assert (mail["To"], mail["From"]) == (ADDRESS, "Example <no-reply@example.org>")
    assert "https://www.example.org/tasks" in mail.get_content().splitlines()


def test_a_mail_that_fails_is_said_without_its_address(project: Path, server: MailServer) -> None:
    server.refused[ADDRESS] = "550 Unknown"
    refused = remind(project, server)
    assert refused.returncode == 1
    assert "SMTPRecipientsRefused" in refused.stderr
    assert ADDRESS not in refused.stderr


@by_its_own_code
def test_nothing_goes_out_without_a_verified_certificate(
    project: Path, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "SSLCertVerificationError" in remind(project, server).stderr
    server.smtps, server.starttls = server.starttls, None
    smtps = remind(project, server, MAIL_URL=server.url.replace("smtp:", "smtps:"))
    assert "SSLCertVerificationError" in smtps.stderr
    assert server.envelopes == []


@by_its_own_code
def test_nothing_goes_out_without_tls(project: Path, server: MailServer) -> None:
    server.starttls = None
    assert "SMTPNotSupportedError" in remind(project, server).stderr
    assert server.envelopes == []


@by_its_own_code
@pytest.mark.parametrize("name", ["PUBLIC_URL", "MAIL_URL", "MAIL_FROM"])
def test_production_does_not_start_without_a_setting_of_mail(
    project: Path, server: MailServer, name: str
) -> None:
    refused = remind(project, server, **{name: ""})
    assert refused.returncode == 1
    assert f"{name}: is missing" in refused.stderr
