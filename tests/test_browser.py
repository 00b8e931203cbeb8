"""Chromium sees what each level of Content-Security-Policy promises, and a page for everybody."""

from __future__ import annotations

import pytest

import support
from conftest import NewProject
from support import Answers

# What the level decides; the rest is the same for all, and tried at the first.
DECIDED_BY_CSP = [
    *(f"tests/browser/test_{name}.py" for name in ("attacks", "csp", "reports")),
    "tests/browser/starter/test_page.py",
]
# The pages with forms, at the levels which LEVELS pairs with other tokens.
WITH_FORMS = [f"tests/browser/starter/test_{name}.py" for name in ("page", "without_javascript")]
# Codes, passkeys and mails, and the pages for them.
ACCOUNTS = [
    *(f"tests/browser/starter/test_{name}.py" for name in ("accounts", "passkeys")),
    *("tests/browser/starter/test_accessibility.py", "tests/browser/test_mailbox.py"),
]
# Each level with other code, since one script of the page serves all kinds of it.
LEVELS = [
    {"csp": level}
    | {
        question: support.CHOICES[question][number % len(support.CHOICES[question])]
        for question in support.CODE_QUESTIONS
    }
    for number, level in enumerate(support.CHOICES["csp"])
]


@pytest.mark.slow
@pytest.mark.parametrize("answers", LEVELS, ids=support.name)
def test_the_browser_blocks_and_allows_as_answered(
    answers: Answers, new_project: NewProject
) -> None:
    support.need(support.CHROMIUM, "Chromium")
    project = new_project(**answers)
    whole = support.EVERY_COMBINATION or answers == LEVELS[0]
    support.own_tests(project, *(["tests/browser"] if whole else DECIDED_BY_CSP))


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"][1:])
def test_the_forms_work_at_each_level_without_javascript_too(
    level: str, new_project: NewProject
) -> None:
    support.need(support.CHROMIUM, "Chromium")
    project = new_project(csp=level, token_type="session")
    support.own_tests(project, *WITH_FORMS)


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"][:2])
def test_people_register_and_add_factors_in_a_browser(level: str, new_project: NewProject) -> None:
    support.need(support.CHROMIUM, "Chromium")
    project = new_project(csp=level, token_type="session", accounts="flask-security")
    support.own_tests(project, *ACCOUNTS)
