"""How often monitors cry wolf in a year of weekly looks, and how soon they see a step: ours beside the usual ones.

    python benchmarks/false_alarms.py          # 1,000 null and 300 changed pipelines a row, 200 tables of streams: 20 minutes of a core
    python benchmarks/false_alarms.py 100 10       # 100 null pipelines a row, 10 tables: 2 minutes

Each pipeline gives 500 five-point ratings a week (`programmes.py`) for 52 weeks after a baseline of so many weeks. A step of so many
standard deviations begins at week 20; delay 0 is the first look after it, a miss counts as the weeks left. Seeds were fixed before the
first run. Ours is the monitor as it stands but for the reading of tables: exact values, what raters account for, evidence, e-BH. The
streams of a table are reckoned together, which gives each the evidence that it has alone. "oracle": the same steps, told the
variance components, which no monitor can know: where weeks are told not to differ, one week far off is enough. evidently and river are
not dependencies here and were not run again. Seconds are of the processor.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from programmes import BATCH, KINDS, LENIENCY, Week, many, programme  # noqa: E402

from workbench.drift.alarms import alarm_bar  # noqa: E402
from workbench.drift.evidence import CHANGE, linked_sums, log_evidence, start_weights, without_raters  # noqa: E402
from workbench.drift.exchangeable import BINS, exchangeable_values, normal_scores, summed  # noqa: E402

SEED, STEP_AT, RATINGS, WEEKS, ERROR = 77101, 20, 500, 52, 0.05
LEVELS = np.arange(1.0, 6.0)


def ours(weeks: list[Week], first: int, number: int = 0, *, known: str = "") -> np.ndarray:
    """Log evidence at each weekly look. known: the kind of programme, whose true variance components are told."""
    size = np.array([len(w.score) for w in weeks])
    score, row = np.concatenate([w.score for w in weeks]), np.repeat(np.arange(len(weeks)), size)
    counts = np.bincount(row * 5 + score.astype(int) - 1, minlength=5 * len(weeks)).reshape(-1, 5).astype(float)
    values = exchangeable_values([(LEVELS[c > 0], np.ones((c > 0).sum()), c[c > 0]) for c in counts],
                                 seeds=[(SEED, number, j) for j in range(len(weeks))])
    raters = np.concatenate([w.rater for w in weeks])
    cells = [np.bincount(raters * len(weeks) + row, w) for w in (None, score, score**2)]
    rater, window = np.divmod(np.flatnonzero(cells[0]), len(weeks))
    n, *sums = (c[cells[0] > 0].astype(float) for c in cells)
    given = {"noise": 1 / size, "scale": score[:size[:first].sum()].var(), "first": first}
    if not known:
        values, shared, offsets = without_raters(values, [(rater, window, n, *sums)], **given)
        return log_evidence(values, units=size, unit_variance=np.ones(len(size)), first=first, shared=shared, offsets=offsets)[first:]
    part = np.zeros((int(rater.max()) + 1, len(weeks)))
    part[rater, window] = n / size[window]
    inner = given["scale"] - LENIENCY**2                   # rounding adds to what differs within raters
    told = (None, 0.0, 0.0) if known == "batches" else (LENIENCY**2 * part.T @ part, LENIENCY**2, inner)
    with mock.patch("workbench.drift.evidence.shared_variance", lambda *_, **__: told):
        values, shared, offsets = without_raters(values, [(rater, window, n, *sums)], **given)
    more = BATCH**2 / given["scale"] * np.eye(len(size)) if known == "batches" else shared + offsets if shared is not None else 0
    return told_evidence(values, np.diag(1 / size) + more, first)


def told_evidence(values: np.ndarray, covariance: np.ndarray, first: int) -> np.ndarray:
    """Log evidence at each weekly look where windows' (co)variances are known: likelihoods of steps over that of no change."""
    starts = np.arange(first, len(values))
    _, _, a, b = (part[0] for part in linked_sums(values[None] - values[0], covariance[None], starts))
    size, (weight, later) = (CHANGE**2 * covariance.diagonal()[:first + 1].mean(), start_weights(len(starts)))
    begun = np.arange(len(values))[:, None] >= starts
    gain = np.where(begun, b**2 / (1 / size + a) / 2 - np.log1p(size * a) / 2 + np.log(weight), -np.inf)
    return np.logaddexp(np.logaddexp.reduce(gain, axis=1), np.log(later[begun.sum(axis=1)]))[first:]


def shewhart(weeks: list[Week], first: int) -> np.ndarray:
    """Weeks outside the baseline's mean by 3 standard errors."""
    base = np.concatenate([w.score for w in weeks[:first]])
    return np.array([abs(w.score.mean() - base.mean()) > 3 * base.std(ddof=1) / len(w.score) ** 0.5 for w in weeks[first:]])


def ewma(weeks: list[Week], first: int, weight: float = 0.2, limit: float = 3.0) -> np.ndarray:
    """The moving average outside its limits (Roberts 1959)."""
    base = np.concatenate([w.score for w in weeks[:first]])
    level, hit = base.mean(), []
    for t, w in enumerate(weeks[first:], start=1):
        level = weight * w.score.mean() + (1 - weight) * level
        spread = (weight / (2 - weight) * (1 - (1 - weight) ** (2 * t)) / len(w.score)) ** 0.5 * base.std(ddof=1)
        hit.append(abs(level - base.mean()) > limit * spread)
    return np.array(hit)


def weekly_ks(weeks: list[Week], first: int) -> np.ndarray:
    """Kolmogorov and Smirnov's test of each week against the baseline at 0.05."""
    from scipy.stats import ks_2samp

    base = np.concatenate([w.score for w in weeks[:first]])
    return np.array([ks_2samp(base, w.score, method="asymp").pvalue < 0.05 for w in weeks[first:]])


def two_sample_z(weeks: list[Week], first: int) -> np.ndarray:
    """Each week's mean against the baseline's, at 0.05 / 52: the number of looks must be known."""
    from scipy.special import ndtri

    base = np.concatenate([w.score for w in weeks[:first]])
    limit = -ndtri(ERROR / WEEKS / 2)
    return np.array([abs(w.score.mean() - base.mean()) > limit * (base.var() / len(base) + w.score.var() / len(w.score)) ** 0.5
                     for w in weeks[first:]])


def ours_together(counts: np.ndarray, first: int, number: int) -> np.ndarray:
    """Log evidence at each weekly look of streams (S, T, 5), all weeks alike in size."""
    lot = np.random.default_rng([SEED, number]).random((*counts[:, 1:, 0].shape, BINS))
    size, found, kinds = counts[0].sum(axis=1), [], np.c_[LEVELS, np.ones(5)]
    for i in range(0, len(counts), 10):
        own = counts[i:i + 10].astype(float)
        before, now, lots = own.cumsum(axis=1)[:, :-1], own[:, 1:], lot[i:i + 10]
        score = normal_scores(kinds, *(a.reshape(-1, a.shape[-1]) for a in (before, now, lots))).reshape(len(own), -1)
        found.append(log_evidence(summed(score, size), units=size, unit_variance=np.ones(len(size)), first=first)[:, first:])
    return np.concatenate(found)


Monitor = Callable[[list[Week], int], np.ndarray]
MONITORS: dict[str, Monitor] = {
    "ours": lambda weeks, first: ours(weeks, first) >= np.log(1 / ERROR), "Shewhart 3 sigma": shewhart, "EWMA": ewma,
    "weekly KS at .05": weekly_ks, "two-sample z at .05/52": two_sample_z}


def upper(k: int, n: int) -> float:
    """Upper 95 % limit of a share, Clopper and Pearson, one-sided."""
    from scipy.special import betaincinv

    return float(betaincinv(k + 1, n - k, 0.95)) if k < n else 1.0


def row(name: str, monitor: Monitor, kind: str, first: int, n: int, *, step: float = 0.0, weeks: int = WEEKS) -> str:
    """One line: the share that alarmed wrongly, with its upper limit, or the mean delay."""
    rng, began = np.random.default_rng([SEED, KINDS.index(kind), first, int(100 * step), weeks]), time.process_time()
    sizes = [RATINGS] * (first + weeks)
    looks = [np.flatnonzero(monitor(programme(rng, sizes=sizes, kind=kind, step=step, at=first + STEP_AT - 1), first)) for _ in range(n)]
    false = sum(bool((hit < STEP_AT - 1).any()) if step else len(hit) > 0 for hit in looks)
    said = f"{kind:20s} {first} weeks of baseline, {weeks:3d} looks, {n:5d} pipelines  {name:24s} "
    if not step:
        return said + f"false alarm {false / n:6.1%} (<= {upper(false, n):.1%})  {time.process_time() - began:4.0f} s"
    delays = np.array([next((h for h in hit if h >= STEP_AT - 1), weeks) - STEP_AT + 1 for hit in looks])
    return said + f"step {step:.2f}: delay {delays.mean():5.2f}, missed {np.mean(delays > weeks - STEP_AT):.1%}, before {false / n:.1%}"


def streams_row(first: int, n: int, *, drifting: int, step: float = 0.0, streams: int = 200) -> str:
    """One line for many streams in one table: any alarm ever, false discoveries in the set at each look, and the delay."""
    rng, began = np.random.default_rng([SEED, first, drifting, int(100 * step)]), time.process_time()
    any_, ever, share, delays = 0, 0, [], []
    for i in range(n):
        drawn = many(rng, streams=streams, drifting=drifting, sizes=[RATINGS] * (first + WEEKS), step=step, at=first + STEP_AT - 1)
        evidence = np.exp(np.minimum(ours_together(drawn, first, i), 700))
        alarm = evidence >= alarm_bar(evidence.T, streams, ERROR)
        false = alarm[drifting:]
        any_ += bool(false.any())
        ever += bool((evidence[drifting:] >= streams / ERROR).any())
        share.append(np.mean(false.sum(axis=0) / np.maximum(alarm.sum(axis=0), 1)))
        delays += [next(iter(np.flatnonzero(a[STEP_AT - 1:])), WEEKS - STEP_AT + 1) for a in alarm[:drifting]]
    said = f"{streams} streams, {drifting:2d} drift by {step:.2f}, {first} weeks of baseline, {n} pipelines: a false alarm in " \
           f"{any_ / n:.1%} (<= {upper(any_, n):.1%}; ever_alarmed {ever / n:.1%}), false discovery {np.mean(share):.2%}"
    return said + (f", delay {np.mean(delays):.2f}" if drifting else "") + f"  {time.process_time() - began:.0f} s"


def main(n: int = 1000, tables: int = 200) -> None:
    """Print every row."""
    changed = max(n * 3 // 10, 40)
    for first in (1, 4, 8):
        for name, monitor in MONITORS.items():
            print(row(name, monitor, "independent", first, n), flush=True)
            for step in (0.25, 0.5):
                print(row(name, monitor, "independent", first, changed, step=step), flush=True)
    for kind in KINDS[1:]:
        told = lambda weeks, first: ours(weeks, first, known=kind) >= np.log(1 / ERROR)  # noqa: E731, B023
        for first in (1, 8):
            print(row("ours", MONITORS["ours"], kind, first, n), flush=True)
            for step in (0.25, 0.5):
                print(row("ours", MONITORS["ours"], kind, first, changed, step=step), flush=True)
                print(row("oracle", told, kind, first, changed, step=step), flush=True)
        print(row("two-sample z at .05/52", two_sample_z, kind, 4, n), flush=True)
    print(row("ours", MONITORS["ours"], "independent", 4, n, weeks=260), flush=True)
    print(row("ours", MONITORS["ours"], "batches", 8, n, weeks=260), flush=True)
    for first in (1, 4):
        print(streams_row(first, tables, drifting=0), flush=True)
        print(streams_row(first, max(tables // 5, 2), drifting=10, step=0.25), flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:3]))
