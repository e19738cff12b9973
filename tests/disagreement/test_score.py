"""The contrast of a group with elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import drawn

import workbench as wb
from workbench.disagreement.score import contrasts, false_discovery, score_contrast
from workbench.disagreement.units import rated_units

CLOSE = 1e-9


def test_the_interval_ends_where_the_test_refuses():
    rng = np.random.default_rng(0)
    s = rng.normal(size=60)
    y = 0.5 * s + rng.normal(size=60)
    found = score_contrast(s * y, s * s, 0.95)
    assert found.effect == pytest.approx((s * y).sum() / (s * s).sum(), abs=CLOSE)
    for end in (found.low, found.high):
        residual = s * (y - end * s)
        assert abs(residual.sum()) / math.sqrt((residual**2).sum()) == pytest.approx(1.959963984540054, abs=CLOSE)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 2))
def test_p_is_below_a_twentieth_just_where_the_interval_excludes_0(seed, effect):
    rng = np.random.default_rng(seed)
    s = rng.normal(size=40)
    found = score_contrast(s * (effect * s + rng.normal(size=40)), s * s, 0.95)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_units_that_happen_to_agree_do_not_look_certain():
    inside = np.arange(100) < 12
    y = np.where(inside, 0.0, np.tile([0.0, 0.5], 50)) - 0.22       # twelve units without any disagreement
    s = inside - inside.mean()
    assert score_contrast(s * y, s * s, 0.95).p > 1e-4              # their own spread would give p = 0


def test_too_few_blocks_give_no_test_and_say_so():
    found = score_contrast(np.ones(5), np.ones(5), 0.95)
    assert math.isnan(found.p) and "fewer than 10" in found.note


def test_without_any_disagreement_there_is_no_test():
    found = score_contrast(np.zeros(50), np.ones(50), 0.95)
    assert math.isnan(found.p) and found.note == "no disagreement differs"


def test_a_group_rated_by_its_own_raters_cannot_be_told_from_them():
    frame = drawn(0)
    frame["rater_id"] = frame["rater_id"] + frame["task_type"].eq("k1").map({True: " of k1", False: ""})
    units = rated_units(wb.read(frame), extra=("task_type",))[0]
    inside = (units.first_ratings["task_type"] == "k1").to_numpy()
    assert "cannot be told from them" in contrasts(units, inside[:, None])[0].note


def test_q_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).random(20) ** 2
    q = false_discovery(np.insert(p, 3, np.nan))
    assert math.isnan(q[3])
    assert np.delete(q, 3) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=CLOSE)
