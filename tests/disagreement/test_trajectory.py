"""Steps of trajectories: where raters part, first errors, and whether a difference carries on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.disagreement import steps
from workbench.disagreement.trajectory import carried, meetings
from workbench.errors import ParameterError

EXACT = 1e-12       # the same sums in another order
NULL_DRAWS = 60     # planted nulls: a 95 % interval may miss that many times and a half by chance (binomial, 1 in 1,000)


def trajectories(scores: dict[tuple[str, str], str], **columns: object) -> wb.ratings.Ratings:
    """Ratings from {(item, rater): "110"}: one digit a step, "-" where none was given."""
    rows = [(item, rater, step, float(x)) for (item, rater), text in scores.items() for step, x in enumerate(text) if x != "-"]
    return wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "step", "score"]).assign(**columns))


def row(table: pd.DataFrame, name: str, step: int | None = None) -> pd.Series:
    found = table[(table["name"] == name) & (table["step"].isna() if step is None else table["step"] == step)]
    assert len(found) == 1
    return found.iloc[0]


SMALL = {("a", "ann"): "1101", ("a", "bob"): "1001", ("a", "cy"): "1101", ("b", "ann"): "111", ("b", "bob"): "110"}


def test_disagreement_of_a_step_is_averaged_over_pairs_then_trajectories() -> None:
    # step 1: in a, 2 of 3 pairs differ; in b none: (2/3 + 0) / 2 = 1/3. step 2: a none, b its one pair: 1/2.
    found = steps(trajectories(SMALL))
    assert row(found, "disagreement", 1)["value"] == pytest.approx(1 / 3, abs=EXACT)
    assert row(found, "disagreement", 2)["value"] == pytest.approx(1 / 2, abs=EXACT)
    assert row(found, "disagreement", 1)[["n_items", "n_raters", "n_ratings"]].tolist() == [2, 3, 5]


def test_pairs_part_once() -> None:
    # of a's three pairs two part at step 1, which leaves one, and b's one: at step 2 a's stays (0), b's parts (1): 1/2; at step 3 a's stays.
    found = steps(trajectories(SMALL))
    assert row(found, "parting", 0)["value"] == 0
    assert row(found, "parting", 1)["value"] == pytest.approx(1 / 3, abs=EXACT)
    assert row(found, "parting", 2)["value"] == pytest.approx(1 / 2, abs=EXACT)
    assert row(found, "parting", 3)["value"] == 0 and "one trajectory" in row(found, "parting", 3)["note"]


def test_first_errors_agree_where_the_same_step_or_none_is_named() -> None:
    # a: first errors 2, 1, 2 -> 1 of 3 pairs; b: none and 2 -> 0 of 1: (1/3 + 0) / 2 = 1/6.
    assert row(steps(trajectories(SMALL)), "first_error_agreement")["value"] == pytest.approx(1 / 6, abs=EXACT)


def test_alpha_of_first_errors_is_krippendorffs_nominal_alpha_of_their_steps() -> None:
    rng = np.random.default_rng(3)
    scores = {(f"i{i}", r): "".join(rng.choice(list("10"), 4, p=[.7, .3])) for i in range(30) for r in ("ann", "bob", "cy")}
    first = pd.DataFrame([(i, r, str(text.find("0"))) for (i, r), text in scores.items()], columns=["item_id", "rater_id", "label"])
    plain = wb.agreement.krippendorff_alpha(wb.read(first), scale="nominal").iloc[0]
    found = row(steps(trajectories(scores)), "first_error_alpha")
    assert found[["value", "low", "high"]].tolist() == pytest.approx(plain[["value", "low", "high"]].tolist(), abs=EXACT)


def test_alpha_of_a_step_is_that_of_its_ratings_alone() -> None:
    ratings = trajectories(SMALL)
    alone = wb.agreement.krippendorff_alpha(ratings.where(step=1), by=["criterion"]).iloc[0]
    assert row(steps(ratings), "krippendorff_alpha", 1)["value"] == pytest.approx(alone["value"], abs=EXACT)


def test_a_difference_carries_on_as_often_as_the_next_step_differs_after_it() -> None:
    # ann and bob differ at steps 1 and 2 of x (0111 / 0001 after), and nowhere in y: after a difference 1 of 2, after none 1 of 4.
    found = steps(trajectories({("x", "ann"): "0110", ("x", "bob"): "0000", ("y", "ann"): "0000", ("y", "bob"): "0000"}))
    assert row(found, "after_difference")["value"] == pytest.approx(1 / 2, abs=EXACT)
    # x has one pair of steps after no difference (it differs), y three (none does): each trajectory weighs one: (1 + 0) / 2
    assert row(found, "after_agreement")["value"] == pytest.approx(1 / 2, abs=EXACT)


def planted(rng: np.random.Generator, stick: float, noisy: tuple[float, ...], n: int = 80, length: int = 5) -> pd.DataFrame:
    """Raters who err at their own rate, and after an error, with probability `stick`, err again; as rows of `meetings`."""
    truth, rows = rng.integers(0, 2, (n, length)), []
    for i in range(n):
        for r, rate in enumerate(noisy):
            wrong = False
            for s in range(length):
                wrong = (wrong and rng.random() < stick) or rng.random() < rate
                rows.append((i, s, r, float(truth[i, s] ^ wrong)))
    rows = pd.DataFrame(rows, columns=["item", "step", "rater", "place"]).assign(rubric_version="1")
    return rows.assign(block=rows["item"]).sort_values(["item", "step", "rater"])


def carry_on(rows: pd.DataFrame) -> dict[str, object]:
    return list(carried(meetings(rows, nominal=False), 0.95))[-1]


def test_raters_of_unequal_noise_do_not_look_as_if_differences_carried_on() -> None:
    rng = np.random.default_rng(20)
    draws = [carry_on(planted(rng, 0, (.02, .02, .35, .35), n=40)) for _ in range(NULL_DRAWS)]
    missed = sum(not r["low"] <= 0 <= r["high"] for r in draws)
    assert missed <= 0.05 * NULL_DRAWS + 3.3 * (NULL_DRAWS * .05 * .95) ** 0.5
    assert abs(np.mean([r["value"] for r in draws])) < 0.03


def test_planted_stickiness_is_found() -> None:
    assert carry_on(planted(np.random.default_rng(4), .7, (.1, .1, .1, .1)))["low"] > 0.2


def test_whole_item_ratings_beside_steps_are_left_out() -> None:
    both = pd.concat([trajectories(SMALL).to_pandas(), pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["ann", "bob"], "score": [1., 0.]})])
    found = steps(wb.read(both[["item_id", "rater_id", "step", "score"]]))
    pd.testing.assert_frame_equal(found.drop(columns="n_dropped"), steps(trajectories(SMALL)).drop(columns="n_dropped"))


def test_ratings_of_whole_items_have_no_steps() -> None:
    found = steps(wb.read(pd.DataFrame({"item_id": ["a", "a"], "rater_id": ["x", "y"], "score": [1., 2.]})))
    assert len(found) == 1 and np.isnan(found["value"][0]) and "no rating is of a step" in found["note"][0]


def test_one_rater_meets_nobody() -> None:
    found = steps(trajectories({("a", "ann"): "110", ("b", "ann"): "101"}))
    rest = found[found["name"] != "krippendorff_alpha"]
    assert rest["value"].isna().all() and rest["note"].ne("").all()


def test_labels_without_order_name_no_error_until_told() -> None:
    rows = pd.DataFrame({"item_id": list("aaaabbbb"), "rater_id": list("xxyyxxyy"), "step": [0, 1] * 4,
                         "label": ["good", "bad", "good", "good", "good", "bad", "good", "bad"]})
    untold, told = steps(wb.read(rows)), steps(wb.read(rows), error=["bad"])
    assert np.isnan(row(untold, "first_error_agreement")["value"]) and "give error=" in row(untold, "first_error_agreement")["note"]
    assert row(told, "first_error_agreement")["value"] == pytest.approx(1 / 2, abs=EXACT)   # a: step 1 and none; b: both step 1


def test_a_level_that_no_scale_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(ParameterError, match="no scale has 'awful'.*'0', '1'"):
        steps(trajectories(SMALL), error=["awful"])


def test_confidence_is_a_share() -> None:
    with pytest.raises(ParameterError, match="confidence=95"):
        steps(trajectories(SMALL), confidence=95)
