"""`python -m tools.benchmarks`: runs them, says which claims hold here, and writes the page.

`--only requests headers` runs these tables, and leaves the stored figures of all others.

The exit status says only whether they ran: a busy machine can miss a claim.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict

from tools.benchmarks import (
    accounts,
    assembled,
    each_request,
    encryption,
    forms,
    gunicorns,
    headers,
    login,
    page,
    rendered,
    rendering,
    rotation,
    serving,
    tokens,
)
from tools.benchmarks.measure import Claim, Report

WIDTH = 52  # of the names

# Those that look into a rendered project run before the others.
WITHIN: dict[str, Callable[[], Report]] = {
    "requests": assembled.measure,
    "headers": headers.measure,
    "forms": forms.measure,
    "each_request": each_request.measure,
    "login": login.measure,
    "old_hashes": login.measure_old_hashes,
    "encryption": encryption.measure,
}
OUTSIDE: dict[str, Callable[[], Report]] = {
    "gunicorn": gunicorns.measure,
    "accounts": accounts.measure,
    "rotation": rotation.measure,
    "serving": serving.measure,
    "tokens": tokens.measure,
    "rendering": rendering.measure,
}


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tools.benchmarks", description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print figures, write no page")
    arguments.add_argument("--only", nargs="+", choices=[*WITHIN, *OUTSIDE], metavar="TABLE")
    parsed = arguments.parse_args()
    as_json, names = parsed.json, parsed.only or [*WITHIN, *OUTSIDE]
    if "gunicorn" in names:
        gunicorns.need_wrk()
    reports = []
    for report in _measured(names):
        reports.append(report)
        if not as_json:
            print(_as_table(report), flush=True)
    if as_json:
        print(json.dumps([_as_data(report) for report in reports], indent=2))
    else:
        page.write(reports, is_part=bool(parsed.only))
        print(_summary(reports))
        if missing := page.not_stored():
            print("tools/benchmarks/page.py names what was not measured:", *missing, sep="\n  ")
        print(
            "Wrote docs/benchmarks.* and docs/scaling.md; `git diff` shows what changed since the stored run."
        )


def _measured(names: list[str]) -> Iterator[Report]:
    print("Measuring, all tables in 20 minutes; leave the machine alone.", file=sys.stderr)
    within = [measure for name, measure in WITHIN.items() if name in names]
    with rendered.project() if within else nullcontext():
        for measure in within:
            yield measure()
    for name, measure in OUTSIDE.items():
        if name in names:
            yield measure()


def _as_table(report: Report) -> str:
    base = report.timings[report.baseline].median
    unit, scale = ("us", 1e6) if base < 1e-3 else ("ms", 1e3)
    lines = [report.title, f"  {'':{WIDTH}}{'median':>9}{'spread':>9}{'added':>9}{'ratio':>8}"]
    for name, timing in report.timings.items():
        median, spread = timing.median * scale, timing.interquartile_range * scale
        figures = (
            f"{median:9.1f}{spread:9.1f}{median - base * scale:9.1f}{timing.median / base:8.2f}"
        )
        lines.append(f"  {name:{WIDTH}}{figures} {unit}")
    return "\n".join([*lines, *map(_as_line, report.claims), ""])


def _as_line(claim: Claim) -> str:
    target = f"at most {claim.at_most:.2f}"
    if claim.at_least:
        target = f"{claim.at_least:.2f} to {claim.at_most:.2f}"
    verdict = "met" if claim.met else "MISSED"
    return f"  {claim.name:{WIDTH}}{claim.ratio:9.3f}, wanted {target}: {verdict}"


def _summary(reports: list[Report]) -> str:
    missed = [claim for report in reports for claim in report.claims if not claim.met]
    if not missed:
        return "Every claim was met."
    return "\n".join(["Claims missed in this run:", *map(_as_line, missed)])


def _as_data(report: Report) -> dict[str, object]:
    claims = [asdict(claim) | {"ratio": claim.ratio, "met": claim.met} for claim in report.claims]
    return asdict(report) | {"claims": claims}


if __name__ == "__main__":
    main()
