"""An edited file of the core, which the next update would replace."""

from pathlib import Path

import pytest
from flask import Flask
from secure_flask import update

from core.checks.conftest import MakeSite, found_in
from core.conftest import protect, set_account_rules


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A core of two files, with the manifest of its release."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "csp.py").write_text("STRICT = 1\n")
    (tmp_path / "web" / "cors.py").write_text("")
    (tmp_path / "MANIFEST").write_text(update.manifest(tmp_path))
    # The default of an argument stands since the function was made.
    edits = update.find_edits
    monkeypatch.setattr(update, "find_edits", lambda: edits(tmp_path))
    return tmp_path


def test_each_edited_missing_and_added_file_is_named(core: Path, make_site: MakeSite) -> None:
    (core / "web" / "csp.py").write_text("STRICT = 0\n")
    (core / "web" / "cors.py").unlink()
    (core / "web" / "own.py").write_text("")
    said = " ".join(found_in(make_site(), "core.edited"))
    named = ("edited: web/csp.py", "missing: web/cors.py", "added: web/own.py")
    assert [each for each in named if each not in said] == []


@pytest.mark.parametrize("uses", [True, False])
def test_the_files_of_accounts_are_named_where_nothing_uses_them(
    uses: bool, make_site: MakeSite, tmp_path: Path
) -> None:
    """As when cookiecutter ran without its hooks; a folder of that name may be an owner's."""
    site = make_site()
    assert not found_in(site, "core.leftovers")
    site.root_path = str(tmp_path)
    (tmp_path / "accounts").mkdir()
    assert not found_in(site, "core.leftovers")
    (tmp_path / "accounts" / "sign_up.py").touch()
    if uses:
        set_account_rules(site)
    assert len(found_in(site, "core.leftovers")) == (0 if uses else 2)


def test_without_a_manifest_nobody_can_tell(core: Path, make_site: MakeSite) -> None:
    (core / "MANIFEST").unlink()
    assert not found_in(make_site(), "core.edited")
    assert found_in(make_site(), "core.unknown")


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
