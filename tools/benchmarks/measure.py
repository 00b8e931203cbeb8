"""Times workloads side by side, so that what else the machine does meets all of them alike.

Every round takes each workload once, in an order of its own; garbage is collected
between rounds, not inside them. Batches of well under a millisecond mostly pass
between two interruptions. Medians and ratios count, single figures do not.
"""

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

Workload = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """Seconds for one call."""

    median: float
    interquartile_range: float


@dataclass(frozen=True)
class Claim:
    """What was measured beside something else, and how many times that it may take."""

    name: str
    seconds: float
    beside: float
    at_most: float
    at_least: float = 0.0

    @property
    def ratio(self) -> float:
        return self.seconds / self.beside

    @property
    def met(self) -> bool:
        return self.at_least <= self.ratio <= self.at_most


@dataclass(frozen=True)
class Report:
    """What one benchmark found."""

    title: str
    timings: Mapping[str, Timing]
    claims: list[Claim]
    # The timing that others are shown as multiples of.
    baseline: str


def interleaved(
    workloads: Mapping[str, Workload], *, rounds: int, calls: int = 1
) -> dict[str, Timing]:
    """Time each workload in batches of `calls`, one batch of each in every round."""
    samples = interleaved_samples(workloads, rounds=rounds, calls=calls)
    return {name: timing_of(values) for name, values in samples.items()}


def interleaved_samples(
    workloads: Mapping[str, Workload], *, rounds: int, calls: int = 1
) -> dict[str, list[float]]:
    """The seconds for one call of each workload in each round."""
    order, shuffled = list(workloads), random.Random(0).shuffle  # noqa: S311 (no secret)
    samples: dict[str, list[float]] = {name: [] for name in order}
    for workload in workloads.values():
        _seconds(workload, calls)  # imports, caches and connections are made before
    with _garbage_collected_by_hand():
        for number in range(rounds):
            gc.collect()
            shuffled(order)
            for name in order:
                samples[name].append(_seconds(workloads[name], calls) / calls)
            _show_progress(number + 1, rounds)
    return samples


def permutation_p(first: list[float], second: list[float], permutations: int = 5000) -> float:
    """How likely two workloads of one time differ by chance as much as these do, from 0 to 1.

    The samples of a round are swapped at random, which changes nothing where both take one time.
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    found, choose = abs(statistics.median(differences)), random.Random(0).choice  # noqa: S311
    swapped = (
        statistics.median([choose((each, -each)) for each in differences])
        for _ in range(permutations)
    )
    return (1 + sum(abs(each) >= found for each in swapped)) / (1 + permutations)


def _seconds(workload: Workload, calls: int) -> float:
    start = time.perf_counter()
    for _ in repeat(None, calls):
        workload()
    return time.perf_counter() - start


def timing_of(values: list[float]) -> Timing:
    first, _, third = statistics.quantiles(values, n=4)
    return Timing(statistics.median(values), third - first)


@contextmanager
def _garbage_collected_by_hand() -> Iterator[None]:
    gc.disable()
    gc.freeze()  # what is there already need not be looked at again
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def _show_progress(done: int, of: int) -> None:
    if sys.stderr.isatty() and (done % max(1, of // 100) == 0 or done == of):
        print(f"\r  {done / of:4.0%}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def memory(process: int, kind: str) -> float:
    """What a process holds (`VmRSS`), or held at most (`VmHWM`), in MiB; Linux tells."""
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    [kibibytes] = [line.split()[1] for line in lines if line.startswith(f"{kind}:")]
    return int(kibibytes) / 1024
