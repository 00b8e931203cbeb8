"""What is said about a violation: the one line that allows it, or why not to."""

from typing import Any

import pytest
from secure_flask.csp_reports.advice import Advice, advise
from secure_flask.csp_reports.table import ViolationCount
from secure_flask.web.csp_syntax import DATA, NONCE, NONE, SELF

from core.conftest import MakeApp

CONFIG: dict[str, Any] = {
    "CSP": {
        "default-src": [NONE],
        "script-src": [NONCE],
        "img-src": [SELF, DATA],
        "frame-src": [NONE],
    },
    "CSP_CANDIDATE": None,
    "CSP_REPORT_ONLY": False,
    "HEADERS": {},
}
TILES = 'CSP["img-src"] += ["https://tiles.example"]'

CHANGES = {
    "img-src https://tiles.example": TILES,
    "img-src http://localhost:3000": 'CSP["img-src"] += ["http://localhost:3000"]',
    "img-src blob:": 'CSP["img-src"] += ["blob:"]',
    "frame-src https://video.example": 'CSP["frame-src"] = ["https://video.example"]',
    "media-src self": 'CSP["media-src"] = [*CSP.get("media-src", []), "\'self\'"]',
    "connect-src wss://a.example": (
        'CSP["connect-src"] = [*CSP.get("connect-src", []), "wss://a.example"]'
    ),
    "style-src-elem https://a.example": (
        'CSP["style-src"] = [*CSP.get("style-src", []), "https://a.example"]'
    ),
}

WORDS = {
    "script-src-elem https://cdn.example": "nonce and integrity",
    "script-src-elem self": "nonce and integrity",
    "script-src-elem inline": "somebody injected it",
    "script-src inline": "somebody injected it",
    "script-src wasm-eval": "'wasm-unsafe-eval'",
    "style-src-elem inline": "app/static/page.css",
    "style-src-elem https://cdn.jsdelivr.net": "Copy the file into app/static/",
    "style-src https://unpkg.com": "Copy the file into app/static/",
    "style-src-elem https://fonts.googleapis.com": "Download the fonts into app/static/",
    "style-src-attr inline": "'unsafe-inline' in style-src-attr alone",
    "form-action https://pay.example": "If you did not write this form, do not allow it",
    "frame-ancestors self": "Allow only a partner that you know",
    "trusted-types trusted-types-policy": "name the policy",
    "frame-src ": "did not say what it was",
    "img-src http://tiles.example": "Load it by https",
    "connect-src ws://chat.example": "Load it by https",
    "img-src self": "allows it by now",
    "img-src inline": "anybody can send a report: change nothing",
    "connect-src trusted-types-sink": "anybody can send a report: change nothing",
    # What only an attacker needs.
    "script-src-attr inline": "Do not allow it: ",
    "script-src eval": "Do not allow it: ",
    "script-src-elem data:": "Do not allow it: ",
    "worker-src blob:": "Do not allow it: ",
    "frame-src data:": "Do not allow it: ",
    "object-src https://plugins.example": "Do not allow it: ",
    "base-uri https://evil.example": "Do not allow it: ",
    "require-trusted-types-for trusted-types-sink": "Do not allow it: ",
}


def advice(violation: str, disposition: str = "enforce", **config: Any) -> Advice:
    directive, _, blocked = violation.partition(" ")
    row = ViolationCount(directive=directive, blocked=blocked, disposition=disposition)
    return advise(row, {**CONFIG, **config})


def change(*arguments: str, **config: Any) -> str | None:
    return advice(*arguments, **config).change


def test_what_an_owner_may_want_is_one_line(subtests: pytest.Subtests) -> None:
    for violation, line in CHANGES.items():
        with subtests.test(violation):
            assert change(violation) == line


def test_a_violation_that_no_line_should_allow_is_explained(subtests: pytest.Subtests) -> None:
    for violation, words in WORDS.items():
        with subtests.test(violation):
            assert words in advice(violation).words
            assert change(violation) is None


def test_a_file_of_another_site_is_to_have_its_hash(subtests: pytest.Subtests) -> None:
    for directive in ("script-src-elem", "style-src-elem", "style-src"):
        with subtests.test(directive):
            words = advice(f"{directive} https://files.example").words
            assert "integrity" in words
            assert "crossorigin" in words
    for harmless in ("img-src https://files.example", "style-src self", "font-src https://esm.sh"):
        with subtests.test(harmless):
            assert "integrity" not in advice(harmless).words
            assert change(harmless)


def test_the_line_keeps_what_counted_by_default() -> None:
    line = change("img-src https://tiles.example", CSP={"default-src": [SELF]})
    assert line == 'CSP["img-src"] = [*CSP.get("img-src", ["\'self\'"]), "https://tiles.example"]'


def test_a_policy_that_names_elements_is_changed_there() -> None:
    policy = {"style-src": [SELF], "style-src-elem": [SELF, NONCE]}
    line = change("style-src-elem https://cdn.example", CSP=policy)
    assert line == 'CSP["style-src-elem"] += ["https://cdn.example"]'


def test_the_policy_that_reported_is_the_one_that_is_changed() -> None:
    of_candidate = TILES.replace("CSP", "CSP_CANDIDATE")
    candidate = {"CSP_CANDIDATE": {"img-src": [SELF]}}
    for disposition, config, line in (
        ("report", candidate, of_candidate),
        ("enforce", candidate, TILES),
        ("report", {}, TILES),
        ("report", {**candidate, "CSP_REPORT_ONLY": True}, TILES),
    ):
        assert change("img-src https://tiles.example", disposition, **config) == line


def test_a_header_that_would_block_it_still_is_named(subtests: pytest.Subtests) -> None:
    headers = {"Cross-Origin-Embedder-Policy": "require-corp"}
    for violation, blocks in (
        ("img-src https://tiles.example", True),
        ("img-src blob:", False),
        ("connect-src https://api.example", False),
    ):
        with subtests.test(violation):
            words = advice(violation, HEADERS=headers).words
            assert ("remove Cross-Origin-Embedder-Policy" in words) is blocks


def test_the_lines_of_several_violations_work_together_at_the_end_of_policy_py(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    config = make_app(**policy_with()).config
    for directive, scheme in (("frame-src", "https"), ("img-src", "https"), ("connect-src", "wss")):
        with subtests.test(directive):
            sources = [f"{scheme}://{name}.example" for name in ("one", "two", "three")]
            rows = [
                ViolationCount(directive=directive, blocked=source, disposition="enforce")
                for source in sources
            ]
            lines = [advise(row, config).change or "" for row in rows]
            edited = policy_with(*lines)
            assert edited["CSP"][directive][-3:] == sources
            make_app(**edited)


def policy_with(*lines: str) -> dict[str, Any]:
    """What policy.py holds where these lines end it."""
    policy = {"CSP": {"default-src": [NONE], "img-src": [SELF]}}
    exec("\n".join(lines), {}, policy)  # noqa: S102 - as Python runs policy.py
    return policy
