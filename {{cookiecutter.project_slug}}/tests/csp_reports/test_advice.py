"""What is said about a violation: the one line that allows it, or why not to."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.csp_reports.advice import Advice, advise
from app.csp_reports.table import ViolationCount
from app.security.csp_syntax import DATA, NONCE, NONE, SELF
from tests.conftest import EditPolicy, MakeApp

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

CHANGES = {
    ("img-src", "https://tiles.example"): 'CSP["img-src"] += ["https://tiles.example"]',
    ("img-src", "http://localhost:3000"): 'CSP["img-src"] += ["http://localhost:3000"]',
    ("img-src", "blob:"): 'CSP["img-src"] += ["blob:"]',
    ("frame-src", "https://video.example"): 'CSP["frame-src"] = ["https://video.example"]',
    ("media-src", "self"): 'CSP["media-src"] = [*CSP.get("media-src", []), "\'self\'"]',
    ("connect-src", "wss://chat.example"): (
        'CSP["connect-src"] = [*CSP.get("connect-src", []), "wss://chat.example"]'
    ),
    ("style-src-elem", "https://cdn.example"): (
        'CSP["style-src"] = [*CSP.get("style-src", []), "https://cdn.example"]'
    ),
}

WORDS = {
    ("script-src-elem", "https://cdn.example"): "nonce and integrity",
    ("script-src-elem", "self"): "nonce and integrity",
    ("script-src-elem", "inline"): "somebody injected it",
    ("script-src", "inline"): "somebody injected it",
    ("script-src", "wasm-eval"): "'wasm-unsafe-eval'",
    ("style-src-elem", "inline"): "app/static/page.css",
    ("style-src-attr", "inline"): "'unsafe-inline' in style-src-attr alone",
    ("form-action", "https://pay.example"): "If you did not write this form, do not allow it",
    ("frame-ancestors", "self"): "Allow only a partner that you know",
    ("trusted-types", "trusted-types-policy"): "name the policy",
    ("frame-src", ""): "did not say what it was",
    ("img-src", "http://tiles.example"): "Load it by https",
    ("connect-src", "ws://chat.example"): "Load it by https",
    ("img-src", "self"): "allows it by now",
}

NEVER = [
    ("script-src-attr", "inline"),
    ("script-src", "eval"),
    ("script-src-elem", "data:"),
    ("worker-src", "blob:"),
    ("frame-src", "data:"),
    ("object-src", "https://plugins.example"),
    ("base-uri", "https://evil.example"),
    ("require-trusted-types-for", "trusted-types-sink"),
]


def advice(directive: str, blocked: str, disposition: str = "enforce", **config: Any) -> Advice:
    row = ViolationCount(directive=directive, blocked=blocked, disposition=disposition)
    return advise(row, {**CONFIG, **config})


@pytest.mark.parametrize(("violation", "change"), CHANGES.items())
def test_what_an_owner_may_want_is_one_line(violation: tuple[str, str], change: str) -> None:
    assert advice(*violation).change == change


@pytest.mark.parametrize(("violation", "words"), WORDS.items())
def test_what_no_line_mends_is_explained(violation: tuple[str, str], words: str) -> None:
    told = advice(*violation)
    assert words in told.words
    assert told.change is None


@pytest.mark.parametrize("violation", NEVER)
def test_what_attackers_need_is_not_to_be_allowed(violation: tuple[str, str]) -> None:
    told = advice(*violation)
    assert told.words.startswith("Do not allow it: ")
    assert told.change is None


def test_what_counted_by_default_still_counts() -> None:
    told = advice("img-src", "https://tiles.example", CSP={"default-src": [SELF]})
    assert told.change == (
        'CSP["img-src"] = [*CSP.get("img-src", ["\'self\'"]), "https://tiles.example"]'
    )


def test_a_policy_that_names_elements_is_changed_there() -> None:
    policy = {"style-src": [SELF], "style-src-elem": [SELF, NONCE]}
    told = advice("style-src-elem", "https://cdn.example", CSP=policy)
    assert told.change == 'CSP["style-src-elem"] += ["https://cdn.example"]'


def test_the_candidate_is_changed_where_it_was_the_one_to_report() -> None:
    told = [
        advice("img-src", "https://tiles.example", disposition, CSP_CANDIDATE={"img-src": [SELF]})
        for disposition in ("report", "enforce")
    ]
    assert [item.change for item in told] == [
        'CSP_CANDIDATE["img-src"] += ["https://tiles.example"]',
        'CSP["img-src"] += ["https://tiles.example"]',
    ]


@pytest.mark.parametrize(
    "mode", [{}, {"CSP_REPORT_ONLY": True, "CSP_CANDIDATE": {"img-src": [SELF]}}]
)
def test_the_policy_itself_is_changed_where_that_just_reports(mode: dict[str, Any]) -> None:
    told = advice("img-src", "https://tiles.example", "report", **mode)
    assert told.change == 'CSP["img-src"] += ["https://tiles.example"]'


def test_a_header_that_would_block_it_still_is_named() -> None:
    headers = {"Cross-Origin-Embedder-Policy": "require-corp"}
    told = advice("img-src", "https://tiles.example", HEADERS=headers)
    assert "remove Cross-Origin-Embedder-Policy" in told.words
    assert "Cross-Origin" not in advice("img-src", "blob:", HEADERS=headers).words
    assert "Cross-Origin" not in advice("connect-src", "https://api.example", HEADERS=headers).words


@pytest.mark.parametrize("directive", ["frame-src", "img-src", "media-src"])
def test_the_lines_of_several_violations_work_together(
    edit_policy: EditPolicy, client: FlaskClient, directive: str
) -> None:
    origins = {f"https://{name}.example" for name in ("one", "two", "three")}
    rows = [
        ViolationCount(directive=directive, blocked=origin, disposition="enforce")
        for origin in origins
    ]
    changes = [advise(row, client.application.config).change or "" for row in rows]
    assert origins <= set(edit_policy("\n".join(changes))["CSP"][directive])


@pytest.mark.parametrize(
    ("directive", "origin"),
    [
        ("img-src", "https://tiles.example"),
        ("style-src", "https://cdn.example"),
        ("frame-src", "https://video.example"),
        ("connect-src", "wss://chat.example"),
    ],
)
def test_the_line_works_at_the_end_of_policy_py(
    make_app: MakeApp,
    edit_policy: EditPolicy,
    client: FlaskClient,
    directive: str,
    origin: str,
) -> None:
    row = ViolationCount(directive=directive, blocked=origin, disposition="enforce")
    change = advise(row, client.application.config).change
    assert change
    page = make_app(**edit_policy(change)).test_client().get("/")
    policy = page.headers["Content-Security-Policy"].split("; ")
    [sources] = [part for part in policy if part.startswith(f"{directive} ")]
    assert sources.split()[-1] == origin
