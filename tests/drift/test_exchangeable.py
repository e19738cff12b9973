"""Exact values of windows: randomised ranks against scipy, uniform under exchangeability whatever the units, and close to the means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from workbench.drift.exchangeable import exchangeable_values, merged, normal_scores, randomised

EXACT = 1e-7     # tails summed term by term against scipy's


def one_score(kinds: np.ndarray, before: np.ndarray, now: np.ndarray) -> float:
    """The score of one window, ties broken in the middle."""
    return float(normal_scores(kinds, before[None], now[None], np.full((1, 8), 0.5))[0])


def loop_score(kinds: np.ndarray, before: np.ndarray, now: np.ndarray, lot: np.ndarray) -> float:
    """A window's score bin by bin, tails from scipy: units sorted by value, 8 bins of like size (or a bin a kind, if so few)."""
    bag = before + now
    value = kinds[:, 0] - (bag @ kinds[:, 0]) / (bag @ kinds[:, 1]) * kinds[:, 1]
    order = [i for i in np.argsort(value, kind="stable") if bag[i]]
    bins: dict[int, list[int]] = {}
    place = 0.0
    for rank, i in enumerate(order):
        bins.setdefault(rank if len(order) <= 8 else min(int(8 * (place + bag[i] / 2) // bag.sum()), 7), []).append(i)
        place += bag[i]
    parts, above, below = list(bins.values()), 0.0, 0.0
    for b, part in enumerate(parts[:-1]):
        left = [i for p in parts[b:] for i in p]
        marked, n, size, k = bag[part].sum(), now[left].sum(), bag[left].sum(), now[part].sum()
        law = stats.hypergeom(size, marked, n)
        drawn, rest = now.sum() / bag.sum() * size, [i for p in parts[b + 1:] for i in p]
        spread = math.sqrt(drawn * marked / size * (1 - marked / size) * (size - drawn) / (size - 1))
        pull = (bag[part] @ value[part] / marked - (bag[rest] @ value[rest]) / bag[rest].sum()) * spread
        high = k * size >= n * marked
        z = -stats.norm.ppf(law.sf(k) + lot[b] * law.pmf(k)) if high else stats.norm.ppf(law.cdf(k - 1) + lot[b] * law.pmf(k))
        above, below = above + pull * z, below + pull**2
    return above / math.sqrt(below)


def alike(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units that are one rating each."""
    value, n = np.unique(scores, return_counts=True)
    return value.astype(float), np.ones(len(value)), n.astype(float)


def test_a_score_by_hand() -> None:
    # 2 of 2 drawn are among the 2 marked of 4: probability 1 / 6, the whole upper tail; lot 1/2 takes half of it: 1/12
    z = randomised(*(np.array([float(v)]) for v in (2, 2, 2, 4)), np.array([0.5]))
    assert z[0] == pytest.approx(-stats.norm.ppf(1 / 12), rel=EXACT)


def test_scores_equal_those_of_scipy() -> None:
    k, marked, n, size = (np.array(v, dtype=float) for v in ((140, 160, 3, 0, 9), (3000, 3000, 10, 50, 10), (500, 500, 20, 100, 9),
                                                             (10500, 10500, 100, 5000, 20)))
    lot = np.array([0.2, 0.7, 0.5, 0.9, 0.1])
    law = stats.hypergeom(size, marked, n)
    high = k * size >= n * marked
    expected = np.where(high, -stats.norm.ppf(law.sf(k) + lot * law.pmf(k)), stats.norm.ppf(law.cdf(k - 1) + lot * law.pmf(k)))
    np.testing.assert_allclose(randomised(k, marked, n, size, lot), expected, rtol=EXACT, atol=EXACT)


def test_scores_keep_their_digits_far_out() -> None:
    z = randomised(*(np.array([v]) for v in (350.0, 3000.0, 500.0, 10500.0)), np.array([0.0]))[0]
    assert -stats.norm.logsf(z) == pytest.approx(-stats.hypergeom.logsf(350, 10500, 3000, 500), rel=1e-6)


@pytest.mark.parametrize(("draw", "size"), [
    (lambda rng, n: rng.binomial(1, 0.03, n), 20), (lambda rng, n: rng.lognormal(0, 2, n), 12),
    (lambda rng, n: np.clip(np.round(rng.normal(4.5, 1, n)), 1, 5), 15)], ids=["rare share", "long tail", "at the ceiling"])
def test_errors_are_exactly_normal_whatever_the_units(draw: object, size: int) -> None:
    rng, found = np.random.default_rng(9), []
    for i in range(400):
        x = exchangeable_values([alike(draw(rng, size)) for _ in range(3)], seeds=[(i, j) for j in range(3)])
        found.append(((x[2] - x[:2].mean()) / math.sqrt(1.5 / size), (x[1] - x[0]) / math.sqrt(2 / size)))
    late, early = np.array(found).T
    assert stats.kstest(late, "norm").pvalue > 0.01 and stats.kstest(early, "norm").pvalue > 0.01
    assert abs(np.corrcoef(late, early)[0, 1]) < 0.2         # four standard errors of 400 independent pairs


@pytest.mark.parametrize("kinds", [5, 40])
def test_windows_together_equal_each_bin_by_bin(kinds: int) -> None:
    rng = np.random.default_rng(8)
    kind = np.column_stack([np.sort(rng.normal(size=kinds)), np.ones(kinds)])
    now = rng.integers(0, 6, (4, kinds)).astype(float)
    now[:2, kinds // 2] = 0                      # a kind that none has had yet
    before, lot = now.cumsum(axis=0), rng.random((3, 8))
    found = normal_scores(kind, before[:-1], now[1:], lot)
    np.testing.assert_allclose(found, [loop_score(kind, *a) for a in zip(before[:-1], now[1:], lot)], rtol=EXACT, atol=EXACT)


def test_no_value_depends_on_how_many_are_reckoned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    units, seeds = [alike(rng.integers(1, 9, 60)) for _ in range(9)], [(2, j) for j in range(9)]
    together = exchangeable_values(units, seeds=seeds)
    monkeypatch.setattr("workbench.drift.exchangeable.ROOM", 16)
    np.testing.assert_array_equal(exchangeable_values(units, seeds=seeds), together)


def test_values_follow_the_means() -> None:
    rng = np.random.default_rng(2)
    weeks = [np.clip(np.round(rng.normal(3 + 0.2 * (w > 9), 1, 400)), 1, 5) for w in range(20)]
    x = exchangeable_values([alike(w) for w in weeks], seeds=[(1, j) for j in range(20)])
    means = np.array([w.mean() for w in weeks]) / np.concatenate(weeks).std()
    assert np.corrcoef(x[1:], means[1:])[0, 1] > 0.98


def test_a_later_window_changes_no_earlier_value() -> None:
    rng = np.random.default_rng(3)
    units, seeds = [alike(rng.integers(0, 2, 30)) for _ in range(6)], [(1, j) for j in range(6)]
    np.testing.assert_array_equal(exchangeable_values(units, seeds=seeds)[:4], exchangeable_values(units[:4], seeds=seeds[:4]))


def test_a_window_whose_units_bear_more_ratings_is_held_against_the_ratio() -> None:
    # 80 items rated once, 1 or 5, then 40 rated twice: ratios 3 and 3 differ by nothing; with sums 2, 10, 10, 10 for 25 % and 75 % of
    # them the ratio is 4: v = -6, 2: squares 40 (36/4 + 3 * 4/4) = 480, over 80^2; before: 80 * 4 / 80^2
    once, twice = (np.array([1.0, 5.0]), np.ones(2), np.full(2, 40.0)), (np.array([2.0, 10.0]), np.full(2, 2.0), np.full(2, 20.0))
    kinds, counts = merged([once, twice])
    assert counts.sum(axis=0).tolist() == [80.0, 40.0] and len(kinds) == 4
    assert one_score(kinds, counts[:, 0], counts[:, 1]) == 0
    more = counts[:, 1] * np.where(kinds[:, 0] == 2, 0.5, np.where(kinds[:, 0] == 10, 1.5, 1))
    z = one_score(kinds, counts[:, 0], more)
    assert z == pytest.approx(1 / math.sqrt(480 / 6400 + 320 / 6400))


def test_more_raters_an_item_are_no_change_of_the_mean() -> None:
    rng, found = np.random.default_rng(4), []
    for i in range(60):
        weeks = [rng.binomial(raters, 0.3, 300) for raters in (1, 1, 1, 1, 3, 3, 3, 3)]
        units = [(v, np.full(len(v), float(r)), n) for (v, _, n), r in zip(map(alike, weeks), (1, 1, 1, 1, 3, 3, 3, 3))]
        x = exchangeable_values(units, seeds=[(i, j) for j in range(8)])
        found.append((x[4:].mean() - x[:4].mean()) / math.sqrt(2 / 1200))
    assert abs(np.mean(found)) < 0.5 and np.std(found) < 1.3     # four standard errors of 60 normal values


def test_what_never_varied_gives_a_draw_that_says_nothing() -> None:
    flat = (np.array([3.0]), np.ones(1), np.array([50.0]))
    kinds, counts = merged([flat, flat])
    assert one_score(kinds, counts[:, 0], counts[:, 1]) == pytest.approx(0.0, abs=1e-12)
