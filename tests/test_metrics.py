"""The metrics and access lines of a running service: several processes, and all their requests."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

import clients
import following
import services
import support
from conftest import NewProject
from test_deploy import KUBERNETES

WORKERS, THREADS = 2, 16
# In PromQL functions come before a parenthesis; labels stand in braces, or after `by` in some.
NAME = re.compile(r"\b[a-z][a-z_]{2,}\b(?!\s*\()")
GROUPING = re.compile(r"\b(?:by|without) \(([^)]*)\)")
MATCHERS = re.compile(r"\{([^}]*)\}")
LABEL = re.compile(r"(\w+)(?:=~|!~|!=|=)")
# The rules of the page, in a table; `up` is Prometheus' own.
RULE = re.compile(r"^ +\| `((?!up)[^`]+)` \|", re.MULTILINE)
# Prometheus adds these itself.
ADDED = {"job"}
REPORT = {
    "csp-report": {
        "document-uri": "http://127.0.0.1/",
        "violated-directive": "img-src",
        "blocked-uri": "https://evil.example",
    }
}
EVENTS = """
from secure_flask.web import audit
print(*(event.name for event in vars(audit).values() if isinstance(event, audit.Event)))
"""


@dataclass(frozen=True)
class Served:
    """A project that gunicorn serves in several processes, with metrics."""

    project: Path
    port: int
    metrics_port: int
    process: int
    scratch: Path
    log: Path

    @property
    def workers(self) -> set[int]:
        return set(services.children_of(self.process))

    @property
    def directory(self) -> Path:
        [made] = self.scratch.glob("gunicorn-metrics-*")
        return made

    def ask(self, path: str = "/healthz", port: int | None = None) -> tuple[int, str]:
        """Ask over a connection of its own, so that each process gets some."""
        url = f"http://127.0.0.1:{port or self.port}{path}"
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self) -> list[Metric]:
        status, text = self.ask("/metrics", self.metrics_port)
        assert status == 200
        return list(text_string_to_metric_families(text))

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of all samples that have these labels."""
        return sum(
            sample.value
            for family in self.metrics()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@pytest.fixture(scope="module")
def served(new_project: NewProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve by the project's own gunicorn.conf.py, with a user."""
    project, scratch = new_project(), tmp_path_factory.mktemp("scratch")
    port, metrics_port, log = support.free_port(), support.free_port(), scratch / "log"
    settings = {
        **support.COMPILED,
        "PORT": str(port),
        "METRICS_ADDRESS": f"127.0.0.1:{metrics_port}",
        "WEB_CONCURRENCY": str(WORKERS),
        "ACCESS_LOG": "true",
        "LOGIN_RATE_LIMIT": "2 per minute",
        "TMPDIR": str(scratch),
    }
    services.add_users(project, "sqlite:///secure_flask.database", "ada")
    command = ["env", *(f"{name}={value}" for name, value in settings.items())]
    command += [sys.executable, "-m", "gunicorn", f"--pythonpath={services.SCRIPTS}"]
    with support.started(*command, "app_with_user:app", cwd=project, log=log) as process:
        support.wait_for(port, process, log)
        served = Served(project, port, metrics_port, process.pid, scratch, log)
        until(lambda: served.value("database_connections_max") == WORKERS * THREADS)
        yield served
        process.send_signal(signal.SIGTERM)
        assert process.wait(clients.PATIENCE) == 0, log.read_text("utf-8")
        assert not list(scratch.glob("gunicorn-metrics-*"))


def count_one(served: Served) -> float:
    """Ask once, and return how many requests are counted then."""
    before = served.value("http_requests_total")
    served.ask()
    until(lambda: served.value("http_requests_total") == before + 1)
    return before + 1


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does in its own time."""
    deadline = time.monotonic() + clients.PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            if condition():
                return
        time.sleep(0.05)
    pytest.fail("it did not happen")


@pytest.mark.slow
def test_all_processes_count_together_whichever_answers(served: Served) -> None:
    counted = {"method": "GET", "route": "/healthz", "status": "200"}
    before = served.value("http_requests_total", **counted)
    asked = 0
    while asked < 20 or len(list(served.directory.glob("histogram_*.db"))) < WORKERS:
        assert served.ask()[0] == 200
        asked += 1
    # A request counts at its end, when its client has the response already.
    until(lambda: served.value("http_requests_total", **counted) == before + asked)
    for _ in range(10):
        assert served.value("http_requests_total", **counted) == before + asked
    line = re.compile(r"event='request' .* route='/healthz' status=200 .* logger='app.access'\n")
    until(lambda: len(line.findall(served.log.read_text("utf-8"))) == before + asked)


@pytest.mark.slow
def test_what_a_killed_process_counted_stays_and_what_it_held_does_not(served: Served) -> None:
    before = count_one(served)
    [victim, *others] = served.workers
    os.kill(victim, signal.SIGKILL)
    until(lambda: not list(served.directory.glob(f"gauge_live*_{victim}.db")))
    until(lambda: len(served.workers - {victim}) == WORKERS)
    until(lambda: served.value("database_connections_max") == WORKERS * THREADS)
    assert served.value("http_requests_total") == before
    assert set(others) < served.workers


@pytest.mark.slow
def test_a_reload_keeps_the_port_and_what_was_counted(served: Served) -> None:
    before, workers = count_one(served), served.workers
    os.kill(served.process, signal.SIGHUP)
    until(lambda: len(served.workers) == WORKERS and not served.workers & workers)
    until(lambda: served.value("database_connections_max") == WORKERS * THREADS)
    assert served.value("http_requests_total") == before


@pytest.mark.slow
def test_only_their_own_port_serves_the_metrics_and_it_serves_nothing_else(served: Served) -> None:
    assert served.ask("/metrics")[0] == 404
    forged = {"Host": f"127.0.0.1:{served.metrics_port}"}
    answer = clients.ask(served.port, "/metrics", headers=forged)
    assert answer.status == 404
    assert served.ask("/healthz", served.metrics_port)[0] == 404


@pytest.mark.slow
def test_the_dashboard_and_the_alarms_ask_for_what_is_exported(served: Served) -> None:
    for password in (clients.PASSWORD, "wrong", "wrong", "wrong"):
        clients.log_in(served.port, password=password)
    assert clients.ask(served.port, "/csp-reports", REPORT).status == 204
    exported = {
        sample.name: {*sample.labels} for family in served.metrics() for sample in family.samples
    }
    shown = queries_of_dashboard(served.project)
    rules = [query.replace(r"\|", "|") for query in RULE.findall(page_text(served.project))]
    assert len(rules) == 4
    for query in (*shown, *rules):
        names, labels = names_in(query), labels_in(query)
        assert names, query
        assert names <= exported.keys(), query
        assert all(labels <= exported[name] | ADDED for name in names), query
    # All there is has its panel.
    created = {name for name in exported if name.endswith("_created")}
    assert set().union(*map(names_in, shown)) == exported.keys() - created
    events = support.python("-c", EVENTS, cwd=served.project).split()
    for named in re.findall(r'event[=!]~?"([^"]+)"', "".join([*shown, *rules])):
        assert {*named.split("|")} <= {*events}


def queries_of_dashboard(project: Path) -> list[str]:
    dashboard: Any = json.loads((project / "deploy" / "grafana.json").read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def names_in(query: str) -> set[str]:
    bare = re.sub(r"\[[^]]*\]", "", MATCHERS.sub("", GROUPING.sub("", query)))
    return set(NAME.findall(bare))


def labels_in(query: str) -> set[str]:
    grouping = re.findall(r"\w+", " ".join(GROUPING.findall(query)))
    return {*grouping, *LABEL.findall(" ".join(MATCHERS.findall(query)))}


def page_text(project: Path) -> str:
    return (project / "docs" / "how-to" / "metrics.md").read_text("utf-8")


def test_the_files_that_the_page_shows_are_valid(new_project: NewProject) -> None:
    project = new_project()
    steps = following.steps(project / "docs" / "how-to" / "metrics.md")
    service, scraping, rule = (step.code for step in steps if step.language == "yaml")
    [job] = yaml.safe_load(scraping)["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["app:9464"]}]

    compose = project / "compose.yaml"
    text = compose.read_text("utf-8")
    text = text.replace("\nservices:\n", f"\nservices:\n{indent(service, '  ')}")
    compose.write_text(f"{text}  prometheus:\n", "utf-8")
    parts = yaml.safe_load(compose.read_text("utf-8"))
    assert "ports" not in parts["services"]["prometheus"]
    assert {"prometheus", "database"} <= parts["volumes"].keys()
    schema = ("--builtin-schema", "vendor.compose-spec")
    support.python("-m", "check_jsonschema", *schema, "compose.yaml", cwd=project)

    file = project / "deploy" / "kubernetes" / "network.yaml"
    network = yaml.safe_load(file.read_text("utf-8"))
    network["spec"]["ingress"] += yaml.safe_load(rule)
    kubernetes_validate.validate(network, KUBERNETES, strict=True)
