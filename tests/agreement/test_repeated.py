"""Intra-rater reliability from repeats."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from panels import LOOPS

import workbench as wb
from workbench.errors import ParameterError, RatingsError

EXACT = 1e-10      # the same sums in another order, over scores up to 100
PRINTED_3 = 5e-4   # written down to three digits


def read(rows, columns=("item_id", "rater_id", "score"), **options):
    return wb.read(pd.DataFrame(rows, columns=list(columns)), **options)


def value(table, name, rater=None, column="value"):
    """One number of the rows of a rater, or of all raters together."""
    own = table["rater_id"].isna() if rater is None else (table["rater_id"] == rater).fillna(False)
    (found,) = table.loc[(table["name"] == name) & own, column]
    return found


def loop(frame, distance):
    """Percent agreement and alpha, a rater's item being a unit, over all pairs of ratings by counting."""
    units = [list(rows["score"]) for _, rows in frame.groupby(["item_id", "rater_id"]) if len(rows) > 1]
    everything = [v for unit in units for v in unit]
    n = len(everything)
    percent = np.mean([np.mean([a == b for a, b in permutations(unit, 2)]) for unit in units])
    observed = sum(distance(a, b, everything) / (len(unit) - 1) for unit in units for a, b in permutations(unit, 2)) / n
    expected = sum(distance(a, b, everything) for a, b in permutations(everything, 2)) / (n * (n - 1))
    return percent, 1 - observed / expected


def drawn(seed=0, raters=6, items=12):
    """Some of the items again, up to three times; raters differ in what they see."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(1, 6, items)
    return [(f"i{i:02d}", f"r{j}", int(np.clip(truth[i] + generator.integers(-1, 2) + j % 2, 1, 6)))
            for j in range(raters) for i in range(items) for _ in range(generator.choice([0, 1, 2, 3], p=[0.2, 0.4, 0.3, 0.1]))]


def test_both_worked_by_hand():
    # ann: 1 1, 1 2, 2 2 -> 2/3 agree. Alpha: six ratings, three of each level; observed 2/6, expected 2 * 9 / 30 = 3/5 -> 4/9.
    # bob: 1 1 2 on one item: of three pairs one agrees; observed (4 / 2) / 3, expected 4 / 6 -> 0. cem repeats nothing.
    rows = [("a", "ann", 1), ("a", "ann", 1), ("b", "ann", 1), ("b", "ann", 2), ("c", "ann", 2), ("c", "ann", 2), ("d", "ann", 2),
            ("a", "bob", 1), ("a", "bob", 1), ("a", "bob", 2), ("a", "cem", 2), ("b", "cem", 1)]
    table = wb.agreement.intra_rater(read(rows), scale="nominal")
    assert value(table, "percent_agreement", "ann") == pytest.approx(2 / 3, abs=EXACT)
    assert value(table, "krippendorff_alpha", "ann") == pytest.approx(4 / 9, abs=EXACT)
    assert value(table, "percent_agreement", "bob") == pytest.approx(1 / 3, abs=EXACT)
    assert value(table, "krippendorff_alpha", "bob") == pytest.approx(0, abs=EXACT)
    assert set(table["rater_id"].dropna()) == {"ann", "bob"}
    # Together: four units, (1 + 0 + 1 + 1/3) / 4; nine ratings, five and four: observed (2 + 2) / 9, expected 40 / 72 -> 1/5.
    assert value(table, "percent_agreement") == pytest.approx(7 / 12, abs=EXACT)
    assert value(table, "krippendorff_alpha") == pytest.approx(1 / 5, abs=EXACT)
    for rater, counts in ((None, (4, 2, 9, 3)), ("ann", (3, 1, 6, 1)), ("bob", (1, 1, 3, 0))):
        assert tuple(value(table, "krippendorff_alpha", rater, c) for c in ("n_items", "n_raters", "n_ratings", "n_dropped")) == counts
    assert value(table, "percent_agreement", "bob", "note").startswith("one item: no interval")


def test_every_scale_gives_what_a_loop_over_pairs_gives():
    frame = pd.DataFrame(drawn(), columns=["item_id", "rater_id", "score"])
    ratings = wb.read(frame)
    for scale, distance in LOOPS.items():
        table = wb.agreement.intra_rater(ratings, scale=scale)
        for rater in (None, *frame["rater_id"].unique()):
            percent, alpha = loop(frame if rater is None else frame[frame["rater_id"] == rater], distance)
            assert value(table, "percent_agreement", rater) == pytest.approx(percent, abs=EXACT)
            assert value(table, "krippendorff_alpha", rater) == pytest.approx(alpha, abs=EXACT)


def test_the_order_of_rows_changes_nothing():
    rows = drawn(seed=2)
    one, other = (wb.agreement.intra_rater(read(r)) for r in (rows, rows[::-1]))
    pd.testing.assert_frame_equal(one, other, rtol=EXACT)


def test_scores_without_levels_repeat_exactly_or_not():
    # Shares of a whole: too many different ones to be levels of a scale. 1 of 3 items repeats to the digit.
    generator = np.random.default_rng(1)
    rows = [(f"x{i}", "ann", float(s)) for i, s in enumerate(generator.random(3000))]
    again = [("x0", "ann", rows[0][2]), ("x1", "ann", rows[1][2] + 1e-3), ("x2", "ann", rows[2][2] - 1e-3)]
    table = wb.agreement.intra_rater(read(rows + again))
    assert value(table, "percent_agreement", "ann") == pytest.approx(1 / 3, abs=EXACT)
    frame = pd.DataFrame(rows[:3] + again, columns=["item_id", "rater_id", "score"])
    assert value(table, "krippendorff_alpha", "ann") == pytest.approx(loop(frame, LOOPS["interval"])[1], abs=EXACT)
    with pytest.raises(RatingsError, match="6 of 6 repeated ratings are on no level .interval scale.. Use scale='interval'"):
        wb.agreement.intra_rater(read(rows + again), scale="nominal")


def test_another_version_layer_or_status_is_no_repeat():
    columns = ["item_id", "rater_id", "score", "rubric_version", "layer", "status", "rater_kind"]
    first = ("a", "ann", 1, "1", 0, "rated", "human")
    others = [("a", "ann", 2, "2", 0, "rated", "human"), ("a", "ann", 2, "1", 1, "rated", "human"),
              ("a", "ann", 2, "1", 0, "skipped", "human"), ("a", "ann", None, "1", 0, "rated", "human"),
              ("a", "bot", 1, "1", 0, "rated", "model"), ("a", "bot", 2, "1", 0, "rated", "model")]
    none = wb.agreement.intra_rater(read([first, *others], columns))
    assert none["name"].tolist() == ["percent_agreement", "krippendorff_alpha"] and none["rater_id"].isna().all()
    assert none["value"].isna().all() and none["note"].str.startswith("no rater rated an item twice").all()
    found = wb.agreement.intra_rater(read([first, ("a", "ann", 2, "1", 0, "rated", "human"), *others], columns).where(layer=[0, 1]))
    assert value(found, "percent_agreement", "ann") == 0 and value(found, "percent_agreement", "ann", "n_ratings") == 2
    models = wb.agreement.intra_rater(read([first, *others], columns).where(rater_kind="model"))
    assert value(models, "percent_agreement", "bot") == 0


def test_repeats_are_sought_within_groups_and_a_missing_level_is_one():
    rows = [("a", 7, 1, "x"), ("a", 7, 1, "x"), ("b", 7, 1, None), ("b", 7, 2, None), ("c", 8, 1, "x"), ("c", 8, 2, None)]
    ratings = read(rows, ("item_id", "rater_id", "score", "party"))
    table = wb.agreement.intra_rater(ratings, by=["party"], interval="none")
    percent = table[table["name"] == "percent_agreement"]
    assert {(str(p), str(r)): v for p, r, v in zip(percent["party"], percent["rater_id"], percent["value"])} == {
        ("x", "<NA>"): 1, ("x", "7"): 1, ("nan", "<NA>"): 0, ("nan", "7"): 0}
    together = wb.agreement.intra_rater(ratings, interval="none")
    assert value(together, "percent_agreement", 8) == 0 and value(together, "percent_agreement") == 1 / 3


def test_all_raters_together_are_a_sample_of_raters_and_four_are_too_few():
    for raters, few in ((4, True), (6, False)):
        table = wb.agreement.intra_rater(read(drawn(seed=3, raters=raters)))
        assert (value(table, "krippendorff_alpha", column="note").startswith("fewer than 5 raters")) == few
        assert np.isnan(value(table, "krippendorff_alpha", column="low")) == few
        assert value(table, "krippendorff_alpha", column="estimand") == "such raters"
        assert value(table, "krippendorff_alpha", "r0", "estimand") == "these raters"


def test_the_error_for_all_raters_is_that_of_raters_and_not_of_items():
    # Half the raters always repeat themselves, half never do: of 16 raters each with 10 items, a mean of 16 shares that are 0 or 1.
    rows = [(f"i{i}", f"r{j:02d}", 1 + (again and j % 2)) for j in range(16) for i in range(10) for again in (0, 1)]
    table = wb.agreement.intra_rater(read(rows), interval="linearized")
    assert value(table, "percent_agreement", column="se") == pytest.approx(np.std([0, 1] * 8, ddof=1) / 4, abs=EXACT)


def test_every_interval_finds_the_linearised_error():
    ratings = read(drawn(seed=4, raters=40, items=20))
    linearized = wb.agreement.intra_rater(ratings, interval="linearized")
    for interval in ("jackknife", "bootstrap", "bca"):
        table = wb.agreement.intra_rater(ratings, interval=interval, draws=200)
        for name in ("percent_agreement", "krippendorff_alpha"):
            errors = [value(t, name, column="se") for t in (table, linearized)]
            assert errors[0] == pytest.approx(errors[1], rel=0.25)  # 40 raters know it to 11 %


def test_one_level_only_repeats_and_has_no_alpha():
    table = wb.agreement.intra_rater(read([(i, "ann", "no") for i in "aabb"], ("item_id", "rater_id", "label")))
    assert value(table, "percent_agreement", "ann") == 1 and "interval has no width" in value(table, "percent_agreement", "ann", "note")
    assert np.isnan(value(table, "krippendorff_alpha", "ann"))
    assert value(table, "krippendorff_alpha", "ann", "note").startswith("only one level occurs")


def test_wrong_arguments_are_named_with_the_right_ones():
    ratings = read([("a", "ann", 1), ("a", "ann", 2)])
    for arguments, words in (({"scale": "points"}, "scale='points' is not known. Use one of: 'nominal'"),
                             ({"interval": "two-way"}, "interval='two-way' is not known. Use one of: 'jackknife'"),
                             ({"by": ["rater_id"]}, "intra_rater has rows for each rater already. Leave 'rater_id' out"),
                             ({"by": ["vendor"]}, "column 'vendor' is not in")):
        with pytest.raises(ParameterError, match=words):
            wb.agreement.intra_rater(ratings, **arguments)


def test_crowd_sliders_repeat_themselves_though_workers_do_not_agree(shared):
    # Workers were shown some translations again in the same sitting. Taken for further raters, repeats make -.07 into +.51.
    krippendorff = pytest.importorskip("krippendorff")
    frame = pd.read_parquet(shared / "data" / "wmt22_da_mturk.parquet")
    frame = frame[(frame["slice_lang"] == "de-en") & frame["item_type"].isin(["SYSTEM", "REPEAT"])]
    ratings = wb.read(frame, columns={"ts": "rated_at"})
    first_only = wb.agreement.krippendorff_alpha(ratings.where(item_type="SYSTEM"), interval="none")["value"][0]
    between = wb.agreement.krippendorff_alpha(ratings, interval="none")["value"][0]
    assert first_only == pytest.approx(-0.06973, abs=PRINTED_3) and between == pytest.approx(-0.070, abs=0.01)
    place = frame.groupby(["item_id", "rater_id"]).cumcount()
    wrong = wb.read(frame.assign(rater_id=frame["rater_id"] + "-" + place.astype(str)))
    assert wb.agreement.krippendorff_alpha(wrong, interval="none")["value"][0] == pytest.approx(0.510, abs=PRINTED_3)
    table = wb.agreement.intra_rater(ratings.where(slice_lang="de-en"))
    wide = frame.assign(unit=frame["item_id"] + frame["rater_id"], place=place).pivot(index="unit", columns="place", values="score")
    wide = wide[wide.notna().sum(axis=1) > 1]
    assert value(table, "percent_agreement") == pytest.approx((wide[0] == wide[1]).mean(), abs=EXACT)
    peer = krippendorff.alpha(wide.T.to_numpy(), level_of_measurement="interval")
    assert value(table, "krippendorff_alpha") == pytest.approx(peer, abs=EXACT) and peer == pytest.approx(0.734, abs=PRINTED_3)
    assert value(table, "krippendorff_alpha", column="low") > 0.5 and value(table, "krippendorff_alpha", column="n_items") == len(wide)


def test_the_calibration_sets_lack_repeats_and_say_so(shared):
    # Re-submissions were taken out of the published file, the last kept.
    ratings = wb.read(shared / "data" / "wmt22_calibration_hits.parquet", columns={"ts": "rated_at"}).where(criterion="segment_score")
    table = wb.agreement.intra_rater(ratings)
    assert table["value"].isna().all() and table["note"].str.startswith("no rater rated an item twice").all()
