"""`python -m benchmarks`: runs all of them, says which claims hold here, and writes the page.

The exit status says only whether they ran: a busy machine can miss a claim.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from benchmarks import (
    accounts,
    assembled,
    each_request,
    encryption,
    forms,
    headers,
    login,
    page,
    rendered,
    rendering,
    rotation,
    serving,
    tokens,
)
from benchmarks.measure import Claim, Report

WIDTH = 52  # of the names


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print figures, write no page")
    as_json = arguments.parse_args().json
    reports = []
    for report in _measured():
        reports.append(report)
        if not as_json:
            print(_as_table(report), flush=True)
    if as_json:
        print(json.dumps([_as_data(report) for report in reports], indent=2))
    else:
        page.write(reports)
        print(_summary(reports))
        print(
            "Wrote docs/benchmarks.* and docs/scaling.md; `git diff` shows what changed since the stored run."
        )


def _measured() -> Iterator[Report]:
    print("Measuring for about fourteen minutes; leave the machine alone.", file=sys.stderr)
    with rendered.project():
        yield assembled.measure()
        yield headers.measure()
        yield forms.measure()
        yield each_request.measure()
        yield login.measure()
        yield login.measure_old_hashes()
        yield encryption.measure()
    yield accounts.measure()
    yield rotation.measure()
    yield serving.measure()
    yield tokens.measure()
    yield rendering.measure()


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
