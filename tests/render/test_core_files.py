"""The files of the core that name it, list it, and say what it needs agree with the template."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import secure_flask
from packaging.requirements import Requirement
from secure_flask.update import manifest

import support
from conftest import Rendered

CORE = support.FOLDER / "secure_flask"
VERSIONS = support.FOLDER / "migrations" / "versions"
LISTED = [line.split() for line in (CORE / "DEPENDENCIES").read_text("utf-8").splitlines()]
# Each project has the first one from its render; later ones lie in the core, for an update to copy.
FIRST = VERSIONS / "0001_users_and_logins.py"
LATER = sorted([*CORE.glob("migrations/*.py"), *CORE.glob("accounts/migrations/*.py")])


def test_the_manifest_lists_todays_core() -> None:
    assert (CORE / "MANIFEST").read_text("utf-8") == manifest(CORE), "run `make manifest`"


def test_the_core_and_the_template_have_one_version() -> None:
    assert (CORE / "VERSION").read_text("utf-8") == f"{support.SETTINGS['_version']}\n"


@pytest.mark.parametrize("package", [CORE, CORE / "accounts"], ids=lambda path: path.name)
def test_grep_finds_what_a_package_exports_by_its_public_name(package: Path) -> None:
    tree = ast.parse((package / "__init__.py").read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert [each.name for node in imports for each in node.names if each.asname] == []


def test_a_new_project_has_each_migration_of_the_core() -> None:
    texts = [file.read_bytes() for file in VERSIONS.glob("*.py")]
    of_the_core = [text for text in texts if b'\nrevision = "secure_flask_' in text]
    assert sorted(of_the_core) == sorted(file.read_bytes() for file in [FIRST, *LATER])


@pytest.mark.parametrize("migration", [FIRST, *LATER], ids=lambda path: path.stem)
def test_a_migration_of_the_core_is_named_as_no_owner_would(migration: Path) -> None:
    """An update does not copy a revision whose name is taken."""
    named = re.findall(r'^revision = "(.+)"$', migration.read_text("utf-8"), re.MULTILINE)
    assert named == [f"secure_flask_{migration.name[:4]}"]


@pytest.mark.parametrize("migration", [FIRST, *LATER], ids=lambda path: path.stem)
def test_a_migration_of_the_core_imports_nothing_of_it(migration: Path) -> None:
    """The core that is installed when it runs may be a later one."""
    imported = support.imports(ast.parse(migration.read_text("utf-8")))
    assert {*imported} <= {"alembic", "sqlalchemy", *sys.stdlib_module_names}


def test_the_picture_of_a_request_has_the_order_of_the_code() -> None:
    picture = (CORE / "README.md").read_text("utf-8").partition("## The way of a login")[0]
    drawn = re.findall(r"^.{14}(?:web|auth)/(\w+)\.py {2,}", picture, re.MULTILINE)
    wired = re.findall(
        r"^    (\w+)\.init_app\(app\)", (CORE / "wiring.py").read_text(), re.MULTILINE
    )
    assert drawn == [name for name in wired if name in drawn]


def test_each_module_in_the_pictures_exists() -> None:
    drawn = re.findall(r"\b(?:web|auth)/\w+\.py", (CORE / "README.md").read_text("utf-8"))
    assert [name for name in drawn if not (CORE / name).exists()] == []


def test_the_core_lists_what_projects_depend_on() -> None:
    """The file as it lies here has what any answer needs."""
    assert bounds(name for name, *_ in LISTED) == bounds(
        map(str, support.declared(support.FOLDER, groups=False))
    )


def test_what_only_some_projects_depend_on_is_optional(rendered: Rendered) -> None:
    needed = tomllib.loads((rendered({}) / "pyproject.toml").read_text("utf-8"))["project"]
    always = [each for each in needed["dependencies"] if not Requirement(each).marker]
    assert bounds(name for name, *marks in LISTED if marks != ["optional"]) == bounds(always)


def test_the_core_has_the_licence_of_the_template() -> None:
    licence = (support.TEMPLATE / "LICENSE").read_text("utf-8").partition("\n---")[0]
    assert licence in (CORE / "LICENSE").read_text("utf-8")


def test_a_project_knows_its_version_and_where_releases_are(rendered: Rendered) -> None:
    readme = (rendered({}) / "README.md").read_text("utf-8")
    assert f"cookiecutter-secure-flask {support.SETTINGS['_version']}" in readme
    settings = tomllib.loads((rendered({}) / "pyproject.toml").read_text("utf-8"))
    assert settings["tool"]["secure-flask"]["source"] == support.SETTINGS["_source"]


def bounds(requirements: Iterable[str]) -> set[tuple[str, frozenset[str], str]]:
    """Return names, extras and lowest versions. A highest version is a project's own."""
    return {
        (support.normal(each.name), frozenset(each.extras), bound.version)
        for each in map(Requirement, requirements)
        for bound in each.specifier
        if bound.operator == ">="
    }


def test_a_key_that_signs_releases_is_written_as_ssh_keygen_reads_it() -> None:
    """A line of another form would lock every project out at the next release."""
    lines = (CORE / "SIGNERS").read_text("utf-8").splitlines()
    keys = [line for line in lines if not line.startswith("#")]
    form = r'\S+@\S+ namespaces="git" (sk-)?ssh-ed25519(@openssh\.com)? AAAA[A-Za-z0-9+/=]+'
    assert not [line for line in keys if not re.fullmatch(form, line)]
    # One is kept offline, for the day on which the other is lost or stolen.
    assert len(keys) != 1


def test_no_module_of_the_core_is_too_long_to_be_entered() -> None:
    lengths = {file: len(file.read_text("utf-8").splitlines()) for file in CORE.rglob("*.py")}
    assert [file for file, lines in lengths.items() if lines > 800] == []


def test_the_public_names_are_few_enough_to_be_known() -> None:
    assert len(secure_flask.__all__) <= 80
