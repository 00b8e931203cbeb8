"""Figures for Prometheus of several processes, as docs/recipes/prometheus.md says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import following
import services
import support
from conftest import NewProject
from services import clients

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

PAGE = support.PAGES / "recipes" / "prometheus.md"
ALERTS = support.PAGES / "examples" / "prometheus" / "alerts.yml"
LIVE = re.compile(r"^app_(\w+) ([0-9.]+)$", re.MULTILINE)
NAMED = re.compile(r"\b(?:app|flask)_\w+")
COUNTED = re.compile(r"^flask_http_request_total\{(.+)\} ([0-9.]+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    """A project with accounts, whose mails wait, and what the page shows."""
    support.need(find_spec("prometheus_flask_exporter"), "prometheus-flask-exporter")
    project = new_project(accounts="self-service")
    following.write_files(project, PAGE)
    return project


@pytest.fixture(scope="module")
def figures(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Two processes that serve, and the port of their figures."""
    port = support.free_port()
    folder, log = tmp_path_factory.mktemp("figures"), tmp_path_factory.mktemp("logs") / "log"
    with services.redis() as redis, services.postgresql() as database:
        services.add_users(project, database, "ada")
        stores = {"DATABASE_URL": database, "REDIS_URL": redis, "WEB_CONCURRENCY": "2"}
        # Nothing is sent, so each mail waits.
        stores |= {"MAIL_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "no-reply@example.org"}
        # As a container sets it.
        stores["FIGURES_HOST"] = "0.0.0.0"  # noqa: S104
        stores["FIGURES_PORT"] = str(port)
        with services.serving(
            project, log, **stores, PROMETHEUS_MULTIPROC_DIR=str(folder)
        ) as server:
            yield server.port, port


def counted(port: int) -> float:
    shown = clients.ask(port, "/metrics").text
    return sum(float(number) for _, number in COUNTED.findall(shown))


def test_requests_of_all_processes_are_counted_once(figures: tuple[int, int]) -> None:
    site, port = figures
    before = counted(port)
    assert [clients.ask(site, "/healthz").status for _ in range(40)] == [200] * 40
    assert counted(port) - before == 40


def test_a_client_adds_no_series(figures: tuple[int, int]) -> None:
    site, port = figures
    for number in range(20):
        clients.ask(site, f"/made-up-{number}?token=s3cret")
        for headers in ({}, {"Origin": "https://made-up.example"}):
            clients.ask(site, "/login", headers=headers, method=f"MADE{chr(65 + number)}")
    shown = clients.ask(port, "/metrics").text
    assert 'route="none"' in shown
    assert "made" not in shown.lower()
    assert "s3cret" not in shown


def test_gunicorn_also_serves_without_the_folder_of_the_figures(
    project: Path, tmp_path: Path
) -> None:
    with services.serving(project, tmp_path / "log") as server:
        assert "flask_http" not in clients.ask(server.port, "/metrics").text


def test_visitors_of_the_site_see_no_figures(figures: tuple[int, int]) -> None:
    site, _ = figures
    assert "flask_http" not in clients.ask(site, "/metrics").text


def test_the_figures_say_what_hurts_first(figures: tuple[int, int]) -> None:
    site, port = figures
    assert clients.ready(site) == "ok"
    new = {"email": "new@example.org", "username": "new", "password": clients.PASSWORD}
    asked = clients.ask(site, "/register", new)
    assert asked.status == 200, asked
    assert clients.ready(site) == "ok"
    shown = dict(LIVE.findall(clients.ask(port, "/metrics").text))
    assert shown["redis_away"] == "0.0"
    assert shown["free_hash_places"] == "12.0"
    assert 14 <= float(shown["free_connections"]) <= 16
    assert shown["waiting_mails"] == "1.0"


def test_each_alert_is_about_a_figure_that_there_is(figures: tuple[int, int]) -> None:
    site, port = figures
    assert clients.ready(site) == "ok"
    shown = clients.ask(port, "/metrics").text
    [group] = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    asked = {name for rule in group["rules"] for name in NAMED.findall(rule["expr"])}
    assert len(asked) == 6
    assert [name for name in asked if f"\n{name}" not in shown] == []
