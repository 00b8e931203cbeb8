"""A process knows whether it serves requests: commands do without what only a server needs."""

from typing import Any

import click
import pytest
from flask.cli import routes_command, run_command
from secure_flask.web.origins import PolicyError
from secure_flask.web.serving import serves_requests
from werkzeug import serving

from core.conftest import PRODUCTION, MakeApp


def serves(command: click.Command, *options: str) -> bool:
    with command.make_context(command.name, list(options)):
        return serves_requests()


def test_a_server_serves_and_other_commands_do_not(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    # As in gunicorn, which is no command of click.
    assert serves_requests()
    assert serves(run_command)
    assert not serves(routes_command)
    # Of a reloader's two processes the second serves.
    for debug, options in (("0", ["--reload"]), ("1", [])):
        with subtests.test(debug=debug, options=options):
            monkeypatch.setenv("FLASK_DEBUG", debug)
            monkeypatch.delenv("WERKZEUG_RUN_MAIN", raising=False)
            assert not serves(run_command, *options)
            monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
            assert serves(run_command, *options)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of each server that `app.run` would start."""
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(serving, "run_simple", lambda *_, **options: started.append(options))
    return started


def test_no_script_starts_the_debugger_in_production(
    make_app: MakeApp,
    runs: list[dict[str, Any]],
    subtests: pytest.Subtests,
) -> None:
    app, refused = make_app(fill=False, **PRODUCTION), "the debugger runs code for anybody"
    app.run("127.0.0.1", 5001, False, load_dotenv=False)
    assert runs.pop()["use_debugger"] is False
    tried: list[dict[str, Any]] = [{"debug": True}, {"use_debugger": True}, {}]
    for options in tried:
        with subtests.test(options=options):
            app.debug = not options
            with pytest.raises(PolicyError, match=refused):
                app.run(load_dotenv=False, **options)
            assert runs == []
    make_app(fill=False).run(load_dotenv=False, debug=True)
    assert [each["use_debugger"] for each in runs] == [True]
