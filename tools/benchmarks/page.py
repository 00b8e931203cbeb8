"""Writes a run into docs/scaling.md; `python -m tools.benchmarks.page` draws the stored run again."""

import json
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tools.benchmarks.chart import draw_bars, duration, limit
from tools.benchmarks.measure import Claim, Report
from tools.benchmarks.rendered import TEMPLATE

RUN, CHART = (TEMPLATE / "docs" / f"benchmarks.{kind}" for kind in ("json", "svg"))
PAGE = TEMPLATE / "docs" / "scaling.md"
TABLE = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- end -->)", re.DOTALL)

_WHOLE = {
    "JSON": "JSON",
    "page": "A page",
    "form": "A form sent",
    "logged in": "JSON, logged in",
    "login": "A login",
}
_LINES = {"with an access line": "access line", "without one": "no access line"}
_ON, _OFF = _LINES
_OTHERS = "Flask with extensions"

# What each claim is called there, and what it is compared with. The chart has room for 40 letters.
SHOWN = {
    **{
        f"{kind}, {line}: the project / assembled": (f"{name}, {short}", _OTHERS)
        for line, short in _LINES.items()
        for kind, name in _WHOLE.items()
    },
    **{
        f"gunicorn: {kind}{share}, {_ON}: the project / assembled": (
            f"{name}, gunicorn{short}",
            f"{_OTHERS}, gunicorn{short}",
        )
        for share, short in {"": "", ", 99 % within": ", 99 %"}.items()
        for kind, name in _WHOLE.items()
    },
    **{
        f"gunicorn: {more} / as rendered": (f"Logged in, {more}", "as rendered, with SQLite")
        for more in ("RATE_LIMIT", "RATE_LIMIT in Redis", "PostgreSQL", "two processes")
    },
    "what ours adds / what Talisman and Flask-CORS add": (
        "Security headers and CORS add",
        "Flask-Talisman and Flask-CORS add",
    ),
    "ours / bare Flask": ("A page with these headers", "the page in bare Flask"),
    "/healthz: the project / bare Flask": ("GET /healthz", "the same answer in bare Flask"),
    "/me, SQLite: the project / bare Flask": (
        "GET /me, logged in, SQLite",
        "the same reads in bare Flask",
    ),
    "/me, PostgreSQL: the project / bare Flask": (
        "GET /me, logged in, PostgreSQL",
        "the same reads in bare Flask",
    ),
    "1,000,000 logins / 1,000": ("GET /me among 1,000,000 logins", "among 1,000"),
    "ours / Flask-WTF with CSRFProtect": (
        "A form sent without a login",
        "Flask-WTF with CSRFProtect",
    ),
    "right password / argon2 verify": ("A login", "its password hash alone"),
    "100 B: this project's EncryptedString / sqlalchemy-utils' StringEncryptedType": (
        "An encrypted column, both ways",
        "the one of sqlalchemy-utils",
    ),
    "Encrypting 1 MiB: this project / AESGCM alone": ("Encrypting 1 MiB", "AES-GCM alone"),
    "each file / a millisecond": ("Rendering, for each file", "what we allow"),
}
# They say that time reveals nothing, or repeat what another one shows.
LEFT_OUT = {
    *(
        f"gunicorn: {kind}{share}, {_OFF}: the project / assembled"
        for share in ("", ", 99 % within")
        for kind in _WHOLE
    ),
    "unknown user / wrong password",
    *(f"beside old hashes: name {pair}" for pair in ("nil / old", "nil / new", "old / new")),
    *(f"p of {pair}" for pair in ("nil and old", "nil and new", "old and new")),
    *(
        f"POST {path}, known / unknown address"
        for path in ("/login", "/register", "/reset", "/confirm")
    ),
    "8 MiB: streams / AESGCM alone",
    "Decrypting 1 MiB: this project / AESGCM alone",
    "10 KiB: this project / Fernet",
    "SQLite: among 100,000 / among 10,000",
    "PostgreSQL: among 100,000 / among 10,000",
}


def write(reports: list[Report], *, is_part: bool) -> None:
    """Store a run, or put what a part of a run measured in place of what is stored of it."""
    measured = {claim.name: asdict(claim) for report in reports for claim in report.claims}
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    stored = {claim["name"]: claim for claim in stored_run()["claims"]} if is_part else {}
    claims = stored | {name: claim | {"date": date} for name, claim in measured.items()}
    run = {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "claims": list(claims.values()),
    }
    RUN.write_text(json.dumps(run, indent=2) + "\n", "utf-8", newline="\n")
    draw()


def draw() -> None:
    CHART.write_text(stored_chart(), "utf-8", newline="\n")
    page = TABLE.sub(lambda _: stored_table(), PAGE.read_text("utf-8"))
    PAGE.write_text(page, "utf-8", newline="\n")


def stored_chart() -> str:
    return draw_bars(_rows())


def stored_table() -> str:
    run = stored_run()
    return "\n".join(
        [
            f"Measured on {_dates(run)} with {run['processors']} processors and Python"
            f" {run['python']}. Each time is for one call, and is a median.\n",
            "| this project | compared with | times |",
            "|---|---|---|",
            *(
                f"| {what}: {duration(claim.seconds)} | {beside}: {duration(claim.beside)}"
                f" | {claim.ratio:.2f}, {limit(claim)} |"
                for what, beside, claim in _rows()
            ),
            "\n",
        ]
    )


def stored_run() -> Any:
    return json.loads(RUN.read_text("utf-8"))


def not_stored() -> list[str]:
    """The names of claims that no run has stored."""
    return sorted({*SHOWN, *LEFT_OUT} - {claim["name"] for claim in stored_run()["claims"]})


def _dates(run: Any) -> str:
    return " and ".join(sorted({claim["date"] for claim in run["claims"]}))


def _as_claim(stored: dict[str, Any]) -> Claim:
    return Claim(**{name: value for name, value in stored.items() if name != "date"})


def _rows() -> Iterator[tuple[str, str, Claim]]:
    claims = {each["name"]: _as_claim(each) for each in stored_run()["claims"]}
    for name, (what, beside) in SHOWN.items():
        if name in claims:  # without PostgreSQL some are not measured
            yield what, beside, claims[name]


if __name__ == "__main__":
    draw()
