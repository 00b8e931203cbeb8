"""`flask check` finds no error, neither here nor with the rules of production."""

from flask import Flask

from tests.conftest import MakeApp

# The tests make their tables without migrations; test_migrations.py compares the two.
ELSEWHERE = "database.migrations"


def errors(app: Flask, *options: str) -> list[str]:
    result = app.test_cli_runner().invoke(args=["check", *options])
    assert result.stdout, result.output
    found = [line for line in result.stdout.splitlines() if line.startswith("ERROR ")]
    return [line for line in found if ELSEWHERE not in line]


def test_the_app_has_no_insecure_setting(app: Flask) -> None:
    assert errors(app) == []


def test_nor_has_it_any_in_production(make_app: MakeApp) -> None:
    app = make_app(app_env="production", trusted_hosts=["www.example.org"], proxy_hops=1)
    assert errors(app, "--deploy") == []
