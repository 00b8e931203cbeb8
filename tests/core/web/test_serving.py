"""A process knows whether it serves requests: commands do without what only a server needs."""

import click
import pytest
from flask.cli import routes_command, run_command
from secure_flask.web.serving import serves_requests


def serves(command: click.Command, *options: str) -> bool:
    with command.make_context(command.name, list(options)):
        return serves_requests()


def test_a_server_serves_and_other_commands_do_not() -> None:
    # As in gunicorn, which is no command of click.
    assert serves_requests()
    assert serves(run_command)
    assert not serves(routes_command)


@pytest.mark.parametrize(("debug", "options"), [("0", ["--reload"]), ("1", [])])
def test_of_a_reloaders_two_processes_the_second_serves(
    debug: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", debug)
    assert not serves(run_command, *options)
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    assert serves(run_command, *options)
