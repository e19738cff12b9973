"""Intervals of the coefficients, on planted truth and in the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from panels import from_counts, moments_of, patterns_of, row_of
from scipy.stats import binom

from workbench.agreement.brennan import uniform_chance
from workbench.agreement.chance import chance_sums
from workbench.agreement.fleiss import fleiss_chance
from workbench.agreement.gwet import ac_chance
from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.percent import percent_sums

ITEMS, COPIED = 120, 0.6
SHARES = np.array([0.5, 0.3, 0.2])
COEFFICIENTS = {"alpha": alpha_sums, "percent": percent_sums, "fleiss": lambda g: chance_sums(g, fleiss_chance, "identity"),
                "AC": lambda g: chance_sums(g, ac_chance, "identity"), "BP": lambda g: chance_sums(g, uniform_chance, "identity")}
# A rating copies its item's level with chance .6, else is drawn from SHARES: two agree with .36 + .64 * sum p^2, sum p^2 = .38.
OBSERVED = COPIED**2 + (1 - COPIED**2) * 0.38
TRUTH = {"alpha": COPIED**2, "fleiss": COPIED**2, "percent": OBSERVED,
         "AC": (OBSERVED - 0.31) / 0.69, "BP": (OBSERVED - 1 / 3) / (2 / 3)}  # AC expects .62 / 2


def simulate(seed, items=ITEMS):
    """Items with 2 to 4 ratings, a tenth of them with one."""
    generator = np.random.default_rng(seed)
    n = np.where(generator.random(items) < 0.1, 1, generator.integers(2, 5, items))
    level = generator.choice(3, size=items, p=SHARES)
    ratings = np.where(generator.random((items, 4)) < COPIED, level[:, None], generator.choice(3, size=(items, 4), p=SHARES))
    return from_counts([np.bincount(row[:k], minlength=3) for row, k in zip(ratings, n)])


@pytest.mark.parametrize(("interval", "runs"), [("linearized", 300), ("bootstrap", 80)])
def test_intervals_cover_the_planted_truth_about_as_often_as_they_claim(interval, runs):
    groups = [simulate(seed) for seed in range(runs)]
    # Gwet's error of percent agreement also counts items rated once, so it covers more; the others keep to the binomial bounds,
    # less the .02 that a percentile interval of 120 items is known to lack.
    floor = binom.ppf(0.001, runs, 0.95 - 0.02) / runs
    for name, sums in COEFFICIENTS.items():
        rows = [row_of(sums(group), group, interval=interval, draws=150) for group in groups]
        covered = np.mean([row["low"] <= TRUTH[name] <= row["high"] for row in rows])
        assert floor <= covered <= (1 if name == "percent" else binom.ppf(0.999, runs, 0.95) / runs), (name, covered)


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval", "ratio"])
def test_linearized_and_bootstrap_errors_of_alpha_agree_on_every_scale(scale):
    generator = np.random.default_rng(6)
    truth = generator.integers(1, 6, 400)
    group = patterns_of(np.clip(truth + generator.integers(-1, 2, (3, 400)), 1, 5).tolist(), scale=scale)
    linearized, drawn = (row_of(alpha_sums(group), group, interval=i, draws=2000) for i in ("linearized", "bootstrap"))
    assert drawn["se"] == pytest.approx(linearized["se"], rel=0.08)
    assert (drawn["low"], drawn["high"]) == pytest.approx((linearized["low"], linearized["high"]), abs=0.3 * drawn["se"])


def test_the_bootstrap_of_moments_covers_the_variance_ratio():
    # Item effects and noise of equal variance: interval alpha is .5.
    covered, runs = 0, 60
    for seed in range(runs):
        generator = np.random.default_rng(seed)
        scores = generator.normal(size=(100, 1)) + generator.normal(size=(100, 3))
        group = moments_of_scores(scores)
        row = row_of(alpha_sums(group), group, interval="bootstrap", draws=300)
        covered += row["low"] <= 0.5 <= row["high"]
    assert binom.ppf(0.001, runs, 0.93) <= covered


def moments_of_scores(scores):
    base = moments_of(patterns_of([[1, 2], [1, 2]], scale="interval"))
    fields = {"n": np.full(len(scores), float(scores.shape[1])), "total": scores.sum(axis=1), "squares": (scores**2).sum(axis=1),
              "weight": np.ones(len(scores)), "n_items": len(scores), "n_ratings": scores.size}
    return type(base)(**{**base.__dict__, **fields})


def test_the_bootstrap_repeats_with_its_seed_and_no_other():
    group = simulate(0)
    rows = [row_of(alpha_sums(group), group, interval="bootstrap", seed=s) for s in (1, 1, 2)]
    assert rows[0] == rows[1] and rows[0]["low"] != rows[2]["low"]
    assert rows[0]["method"] == "bootstrap" and rows[0]["confidence"] == 0.95


def test_undefined_draws_are_left_out_and_counted_in_the_note():
    group = patterns_of([[1, 1, 1, 2], [1, 1, 1, 2]])  # without the fourth item one level is left: (3/4)^4 of draws
    row = row_of(alpha_sums(group), group, interval="bootstrap", draws=1000)
    lost = int(row["note"].split()[0])
    assert row["note"] == f"{lost} of 1,000 draws undefined, left out"
    assert binom.ppf(1e-4, 1000, 0.75**4 + 0.25**4) <= lost <= binom.ppf(1 - 1e-4, 1000, 0.75**4 + 0.25**4)


def test_a_wider_confidence_gives_a_wider_interval_that_ends_at_1():
    group = patterns_of([[1, 2, 3, 3, 2, 1], [1, 2, 3, 3, 2, 2]])
    narrow, wide = (row_of(alpha_sums(group), group, confidence=c) for c in (0.5, 0.99))
    assert wide["low"] < narrow["low"] < narrow["value"] and wide["high"] == 1
    assert narrow["se"] == wide["se"]


def test_without_an_interval_there_is_only_the_value():
    row = row_of(alpha_sums(simulate(0)), simulate(0), interval="none")
    assert row["method"] == "none" and all(np.isnan(row[c]) for c in ("low", "high", "se", "confidence"))
