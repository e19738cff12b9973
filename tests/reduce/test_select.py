"""What may group ratings, and what may hold items together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.reduce import cells

A = wb.agreement


def frame(**columns: object) -> pd.DataFrame:
    """Twenty items, rated by two raters of either party."""
    rng = np.random.default_rng(3)
    rows = [(f"i{i}", f"r{j}", "ab"[j % 2], f"p{i // 4}", int(rng.integers(1, 4))) for i in range(20) for j in range(4)]
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "party", "prompt_id", "score"]).assign(**columns)


@pytest.mark.parametrize("name", ["value", "name", "note", "low", "method", "estimand", "confidence", "measure", "facet", "_level", "n_shared"])
@pytest.mark.parametrize("ask", [A.gwet_ac, A.raters, A.overlap])
def test_a_column_named_as_a_result_is_refused_with_a_cure(name: str, ask) -> None:
    table = frame().rename(columns={"party": name})
    with pytest.raises(ParameterError, match=f"column '{name}' of frame is named as a result is. Read it under another name"):
        ask(wb.read(table), by=[name])
    assert len(ask(wb.read(table, columns={name: "party"}), by=["party"])) >= 2


@pytest.mark.parametrize("name", ["rater_a", "rater_b"])
def test_pairs_of_raters_are_not_overwritten_by_a_column_of_their_name(name: str) -> None:
    with pytest.raises(ParameterError, match=f"column '{name}' of frame is named as a result is"):
        A.overlap(wb.read(frame().rename(columns={"party": name})), by=[name])


WITH_CLUSTER = [A.krippendorff_alpha, A.gwet_ac, A.percent_agreement, A.conger_kappa, A.summary, A.specific, A.autorater, A.alt_test,
                lambda r, **more: A.icc(r, interval="jackknife", **more),
                lambda r, **more: A.krippendorff_alpha(r, scale="interval", **more),
                lambda r, **more: A.scorecard(r, party="a", **more)]


@pytest.mark.parametrize("ask", WITH_CLUSTER)
def test_a_cluster_that_cuts_items_up_is_refused(ask) -> None:
    with pytest.raises(ParameterError, match="^cluster='rater_id' has several levels within 20 items; a cluster holds whole items."):
        ask(wb.read(frame()), cluster="rater_id")


@pytest.mark.parametrize("ask", WITH_CLUSTER)
def test_ratings_that_lack_their_items_cluster_take_it(ask) -> None:
    table = frame()
    lacking = table["item_id"].isin([f"i{i}" for i in range(5)]) & table["rater_id"].isin(["r0", "r1"])
    table["half"] = table["prompt_id"].mask(lacking)
    whole, filled = (ask(wb.read(table), cluster=c) for c in ("prompt_id", "half"))
    pd.testing.assert_frame_equal(filled, whole, atol=1e-12)


def test_a_cluster_of_whole_items_does_not_change_the_value() -> None:
    ratings = wb.read(frame())
    for kind in (A.gwet_ac, A.krippendorff_alpha, A.conger_kappa):
        plain, clustered, by_item = (kind(ratings, cluster=c).iloc[0] for c in (None, "prompt_id", "item_id"))
        assert plain["value"] == pytest.approx(clustered["value"], abs=1e-12) and clustered["n_items"] == 20
        assert plain["se"] == pytest.approx(by_item["se"], abs=1e-12) and clustered["se"] != pytest.approx(plain["se"], abs=1e-6)


@pytest.mark.parametrize(("cluster", "words"), [
    ("score", "^cluster='score' is what is rated; a cluster holds whole items"), ("label", "^cluster='label' is what is rated"),
    ("", "column '' is not in frame"), ("nope", "column 'nope' is not in frame")])
def test_what_can_be_no_cluster_is_refused(cluster: str, words: str) -> None:
    for ask in (A.gwet_ac, A.conger_kappa, A.krippendorff_alpha):
        with pytest.raises(ParameterError, match=words):
            ask(wb.read(frame()), cluster=cluster)


@pytest.mark.parametrize("known", [False, True])
def test_ratings_may_be_grouped_by_their_rater(known: bool) -> None:
    ratings = wb.read(frame()).where(party=["a", "b"])
    if known:
        wb.reduce.facts(ratings).n_repeats
    found = cells(ratings, by=["rater_id"])
    assert list(found.columns).count("rater_id") == 1 and found["rater_id"].tolist() == np.repeat(["r0", "r1", "r2", "r3"], 20).tolist()
    assert A.raters(ratings, by=["rater_id"])["note"].str.contains("shares no item with ").all()
    assert A.pairs(ratings, by=["rater_id"]).empty
    apart = A.difference(ratings.where(rater_id=["r0", "r1"]), between="rater_id")
    assert apart["note"].str.contains("no item has two ratings").all() and apart["value"].isna().all()
