"""Scales of groups: held against a loop over groups, as the rules are said in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.errors import RatingsError
from workbench.instrument import Scale
from workbench.reduce.pooled import group_ids, grouped_scales, shared_scales

ORDINAL = Scale("ordinal", ("1", "2"), (1.0, 2.0), 1.0, 2.0)


def nominal(*names: str) -> Scale:
    return Scale("nominal", names, tuple(map(float, range(len(names)))), uses="label", assumed=True)


def counts(rows: list[tuple[str, str, str, int]], *, n_steps: int = 0) -> pd.DataFrame:
    """Rows of `combinations`: group, rubric version, criterion, ratings that the panel's rules let in."""
    found = pd.DataFrame(rows, columns=["task_type", "rubric_version", "criterion", "n_ruled"]).assign(rubric="r")
    return found.assign(n_scope=found["n_ruled"] + 1, n_valued=found["n_ruled"], n_steps=n_steps, n_raters=1)


def looped(found: pd.DataFrame, ids: pd.Series, scales: dict[tuple[str, str, str], Scale]) -> dict[tuple[str, str, str], Scale]:
    """Each instrument's scale by a loop: sets of instruments that meet are joined until none meet, and the largest scale holds."""
    sets: list[set[tuple[str, str, str]]] = []
    for _, rows in found.groupby(ids, sort=False):
        rows = rows[rows["n_ruled"] > 0] if (rows["n_ruled"] > 0).any() else rows
        new = set(rows[["rubric", "rubric_version", "criterion"]].itertuples(index=False, name=None))
        for other in [s for s in sets if s & new]:
            new |= other
            sets.remove(other)
        sets.append(new)
    return {key: max((scales[k] for k in sorted(s)), key=lambda scale: len(scale.levels)) for s in sets for key in s}


def test_instruments_that_meet_through_others_share_a_scale_as_a_loop_over_groups_finds() -> None:
    rng = np.random.default_rng(1)
    names = [f"c{i}" for i in range(30)]
    for n in (5, 20, 60):
        found = counts([(f"t{rng.integers(25)}", "1", str(c), int(rng.integers(0, 3))) for c in rng.choice(names, n)])
        found = found.drop_duplicates(["task_type", "criterion"], ignore_index=True)
        scales = {("r", "1", c): nominal(*"abcdefgh"[: 1 + i % 8]) for i, c in enumerate(names)}
        ids = group_ids(found, ("task_type",))
        assert shared_scales(found, ids, scales, "x") == looped(found, ids, scales)


def test_the_order_of_scales_is_that_of_the_rows_and_so_the_same_in_every_process() -> None:
    found = counts([("t", "1", c, 1) for c in "hgfedcba"])
    scales = {("r", "1", c): nominal("x", "y") for c in "abcdefgh"}
    assert [key[2] for key in shared_scales(found, group_ids(found, ()), scales, "x")] == list("hgfedcba")


def test_an_instrument_that_the_rules_leave_out_of_a_group_is_not_pooled_with_it() -> None:
    found = counts([("t", "1", "a", 3), ("t", "1", "b", 0), ("u", "1", "b", 0)])
    scales = {("r", "1", "a"): ORDINAL, ("r", "1", "b"): nominal("x", "y")}
    groups, merged, notes = grouped_scales(found, ("task_type",), scales, "x")
    assert [scale.name for scale in merged] == ["ordinal", "nominal"] and notes == ["", "nominal scale assumed from the values"]
    assert groups["n_scope"].tolist() == [5, 1] and groups["n_instruments"].tolist() == [1, 0]


def test_a_group_says_which_versions_it_pools_and_another_does_not() -> None:
    found = counts([("t", "2", "a", 1), ("t", "1", "a", 1), ("u", "2", "a", 1), (None, "1", "a", 1)])
    scales = {("r", version, "a"): ORDINAL for version in "12"}
    groups, _, notes = grouped_scales(found, ("task_type",), scales, "x")
    assert notes == ["rubric versions pooled: 1, 2", "", ""] and groups["task_type"].isna().tolist() == [False, False, True]


def test_steps_and_whole_items_in_one_group_are_refused_and_steps_alone_are_not() -> None:
    scales = {("r", version, "a"): ORDINAL for version in "12"}
    alone, mixed = counts([("t", "1", "a", 2)], n_steps=2), counts([("t", "1", "a", 2), ("t", "2", "a", 3)], n_steps=2)
    assert grouped_scales(alone, ("task_type",), scales, "x")[1] == [ORDINAL]
    with pytest.raises(RatingsError, match="steps and of whole items stand in one group"):
        grouped_scales(mixed, ("task_type",), scales, "x")
