"""OpenTelemetry's auto-instrumentation under gunicorn, as docs/recipes/opentelemetry.md says."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import following
import services
import support
from conftest import NewProject
from services import clients

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

INSTRUMENT = Path(sys.executable).with_name("opentelemetry-instrument")
CRASH = """

@blueprint.get("/crash/<text>")
@public
def crash(text: str) -> str:
    raise ValueError(text)
"""
SPAN = re.compile(r"^\{\n.*?^\}$", re.MULTILINE | re.DOTALL)
SECRET = "s3cret"
CHOSEN = "0af7651916cd43dd8448eb211c80319c"
Span = dict[str, Any]


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    support.need(find_spec("opentelemetry") and INSTRUMENT.exists(), "OpenTelemetry")
    project = new_project()
    following.write_files(project, support.PAGES / "recipes" / "opentelemetry.md")
    pages = project / "app" / "pages.py"
    pages.write_text(f"{pages.read_text('utf-8')}{CRASH}", "utf-8")
    support.write_settings(project)
    return project


@pytest.fixture(scope="module")
def settings(project: Path) -> dict[str, str]:
    """What the page says to set."""
    page = (support.PAGES / "recipes" / "opentelemetry.md").read_text("utf-8")
    exported = " ".join(re.findall(r"^ *\$ export (.+)$", page, re.MULTILINE))
    return dict(pair.split("=", 1) for pair in exported.split())


@contextlib.contextmanager
def traced(project: Path, log: Path, **settings: str) -> Iterator[int]:
    port = support.free_port()
    environment = {**support.COMPILED, "PORT": str(port), **settings}
    served = (f"--pythonpath={services.PROGRAMS}", "app_with_user:app")
    command = (INSTRUMENT, sys.executable, "-m", "gunicorn", *served)
    with support.started(*command, cwd=project, log=log, **environment) as process:
        support.wait_for(port, process, log)
        yield port
        process.terminate()
        process.wait()


def test_spans_name_routes_and_statements_and_hold_nothing_that_a_client_sent(
    project: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    # Even where somebody has all headers captured.
    captured = {"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": ".*"}
    sent = {"User-Agent": SECRET, "traceparent": f"00-{CHOSEN}-b7ad6b7169203331-00"}
    with traced(project, log, **settings, **captured) as port:
        login = clients.log_in(port)
        headers = {**clients.shown(login), **sent}
        assert clients.ask(port, f"/me?token={SECRET}", headers=headers).status == 200
        assert clients.ask(port, f"/{SECRET}/unknown?a={SECRET}", headers=headers).status == 404
        assert clients.ask(port, f"/crash/{SECRET}", headers=headers).status == 500
    spans = [json.loads(span) for span in SPAN.findall(log.read_text("utf-8"))]
    requests = {span["name"]: span for span in spans if span["kind"] == "SpanKind.SERVER"}
    assert {*requests} == {"POST /login", "GET /me", "GET", "GET /crash/<text>"}
    assert requests["GET /crash/<text>"]["status"] == {"status_code": "ERROR"}
    assert statements(spans, within=requests["GET /me"])
    written = json.dumps(spans)
    secrets = (SECRET, clients.PASSWORD, login.body["token"], CHOSEN)
    assert [secret for secret in secrets if secret in written] == []


def statements(spans: list[Span], within: Span) -> list[Span]:
    """The statements that one request sent to the database."""
    trace = within["context"]["trace_id"]
    return [
        span for span in spans if span["context"]["trace_id"] == trace and span["name"] == "SELECT"
    ]


def test_the_app_does_not_start_where_spans_would_go_out_as_they_are(
    project: Path, settings: dict[str, str]
) -> None:
    insecure = {**settings, "OTEL_TRACES_EXPORTER": "console"}
    command = (INSTRUMENT, sys.executable, "-c", "import wsgi")
    finished = support.attempt(*command, cwd=project, **insecure)
    assert finished.returncode == 1
    assert "Set OTEL_TRACES_EXPORTER=none" in finished.stdout
