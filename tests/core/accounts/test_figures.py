"""The figures that pages say are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from secure_flask.accounts import (
    authenticator,
    checks,
    email_change,
    leaving,
    login_places,
    recovery_codes,
    registration,
    second_step,
    worker,
    wrong_codes,
)
from secure_flask.csp_reports import endpoint, violations
from secure_flask.policy import Policy
from secure_flask.web import counters, logs

PAGES = Path(__file__).parents[3] / "docs"
LIMITS = "decisions/0008-limits.md"
GROWTH = "reference/growth.md"
FACTORS = "how-to/second-factors.md"
MAIL = "how-to/mail.md"
KEPT = Policy.model_fields["KEPT_LIFETIME"].default
NUMBERS: dict[float, str] = {2: "two", 4: "four", 5: "five", 10: "ten"}
SPANS = {900: "a quarter of an hour", 86400: "a day", 604800: "a week"}  # by seconds


def minutes(seconds: float) -> str:
    return f"{NUMBERS.get(seconds / 60)} minutes"


FIGURES = [
    (FACTORS, f"the first one within {minutes(authenticator.LIFETIME)}"),
    (FACTORS, f"shown for {minutes(recovery_codes.SHOWN_FOR)}"),
    (FACTORS, f"limited**: {NUMBERS.get(wrong_codes.MAX_WRONG_CODES)} a day for each account"),
    (FACTORS, f"right in the last {login_places.TRUSTED_FOR / 86400:g} days"),
    (FACTORS, f"prints a code for {SPANS.get(second_step.INVITATION_LIFETIME)}"),
    ("how-to/accounts.md", f"registration is valid for {SPANS.get(registration.LIFETIME)}"),
    ("how-to/leaving.md", f"another one waits for {NUMBERS.get(leaving.WAIT)} seconds"),
    ("recipes/single-page-app.md", f"or for {KEPT / 86400:g} days if"),
    (MAIL, f"for {SPANS.get(email_change.KEPT)} also of a deletion"),
    (MAIL, "after {:g}, {:g}, {:g} and {:g} minutes".format(*(n / 60 for n in worker.RETRIES))),
    (MAIL, f"sent again after {minutes(worker.LEASE)}"),
    ("how-to/checks.md", f"wait for more than {SPANS.get(checks.LATE)}"),
    (GROWTH, f"{login_places.MAX_PLACES} trusted networks"),
    (GROWTH, f"{violations.MAX_ROWS:,} rows: rare ones go first"),
    (GROWTH, f"{endpoint.MAX_REPORTS} reports of a body"),
    (GROWTH, f"{violations.MAX_ORIGIN} characters"),
    (GROWTH, f"any other field of {logs.MAX_FIELD:,}"),
    (LIMITS, f"asked again after {counters.PAUSE:g} seconds"),
    (LIMITS, f"an IPv6 site (a /{counters.SITE})"),
]


@pytest.mark.parametrize(("page", "sentence"), FIGURES)
def test_a_page_says_the_figure_of_the_code(page: str, sentence: str) -> None:
    assert sentence in (PAGES / page).read_text("utf-8")
