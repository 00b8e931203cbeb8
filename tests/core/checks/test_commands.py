"""Commands of the app that have a name of one of the core."""

import pytest
from flask import Flask

from core.checks.conftest import MakeSite, found_in
from core.conftest import protect

CHECK = "commands.replaced"


def test_a_command_that_replaces_one_of_the_core_is_reported(make_site: MakeSite) -> None:
    site = make_site()
    site.cli.command("report")(lambda: None)
    assert found_in(site, CHECK) == []
    site.cli.command("key")(lambda: None)
    assert found_in(site, CHECK) == ["A command of the app replaces `flask key` of secure_flask."]


def test_a_command_of_the_app_that_the_core_would_replace_stops_it() -> None:
    app = Flask("shop")
    app.cli.command("csp")(lambda: None)
    with pytest.raises(ValueError, match="`flask csp` is a command of secure_flask"):
        protect(app)
