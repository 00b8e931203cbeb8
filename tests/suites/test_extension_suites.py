"""The suites of extensions, run with the core in each app, differ only where the core does."""

from __future__ import annotations

from pathlib import Path

import pytest

from suites.running import fetch_source, names_of, passing, run_suite

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

# The tests of each that fail, by the row of docs/reference/plain-flask.md that says why.
DIFFERENCES = {
    "flask-wtf": {
        "CSRF token": {
            "test_error_handler",
            "test_form_csrf",
            "test_form_csrf_short_circuit",
            "test_protect",
            "test_same_origin",
            "test_validate_error_logged",
        }
    }
}


@pytest.mark.parametrize("extension", DIFFERENCES)
def test_an_extension_passes_its_own_tests_but_for_what_the_page_says(
    extension: str, tmp_path: Path
) -> None:
    source = fetch_source(extension, tmp_path)
    plain = passing(run_suite(source, tmp_path / "plain"))
    cured = passing(run_suite(source, tmp_path / "cured", "wired", "cured"))
    assert names_of(plain - cured) == set().union(*DIFFERENCES[extension].values())
