from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.signal.hacking_errors import share_ends
from workbench.signal.hacking_signs import confound_row

PROJECTED = 2e-5         # alternating projections stop at 1e-6 of a standard deviation
VERSIONS = 5


def programme(seed: int, *, prompts: int = 70, expert_gain: float = 0.0, each: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ratings and items: an autorater paid by length, which grows with the versions; a panel, experts and gold who see `expert_gain`."""
    rng, rows = np.random.default_rng(seed), []
    prompt, version = (a.ravel() for a in np.meshgrid(np.arange(prompts), np.arange(VERSIONS), indexing="ij"))
    worth = rng.normal(0, 0.6, prompts)[prompt] + rng.normal(0, 0.8, len(prompt))
    length = 100 + 40 * version + 25 * rng.normal(size=len(prompt))
    true = worth + expert_gain * version
    item = np.array([f"i{k}" for k in range(len(prompt))])

    def add(rater: object, kind: str, score: np.ndarray, kept: object = slice(None)) -> None:
        rows.append(pd.DataFrame({"item_id": item, "prompt_id": prompt, "system": version, "rater_id": rater, "rater_kind": kind,
                                  "score": score})[kept])

    add("auto", "model", 0.4 * true + length / 60)
    for turn in range(2):
        add([f"human{(7 * k + turn) % 9}" for k in range(len(item))], "human", true + rng.normal(0, 0.6, len(item)))
    for turn in range(each):
        add([f"expert{(3 * k + turn) % 4}" for k in range(len(item))], "expert", true + rng.normal(0, 0.3, len(item)))
    add("key", "gold", true, rng.random(len(item)) < 0.5)
    frame = pd.concat(rows, ignore_index=True)
    frame["system"], frame["prompt_id"] = "v" + frame["system"].astype(str), "p" + frame["prompt_id"].astype(str)
    return frame, pd.DataFrame({"item_id": item, "n_words": length.astype(int), "text": "x"})


def dataset(folder: Path, rows: pd.DataFrame, items: pd.DataFrame | None = None) -> Path:
    folder.mkdir()
    rows.to_parquet(folder / "ratings.parquet")
    pd.DataFrame({"system": [f"v{k}" for k in range(VERSIONS)], "ordinal": range(VERSIONS)}).to_parquet(folder / "systems.parquet")
    if items is not None:
        items.to_parquet(folder / "items.parquet")
    return folder


@pytest.fixture(scope="module")
def hacked(tmp_path_factory: pytest.TempPathFactory) -> wb.ratings.Ratings:
    return wb.read(dataset(tmp_path_factory.mktemp("hacked") / "d", *programme(1)))


@pytest.fixture(scope="module")
def table(hacked) -> pd.DataFrame:
    return wb.signal.hacking(hacked).set_index(["measure", "against"])


def test_a_proxy_that_rises_while_gold_and_experts_stay_does_not_transfer(table) -> None:
    assert table.loc[("gold", "auto"), "verdict"] == table.loc[("expert", "auto"), "verdict"] == "does not transfer"
    assert table.loc[("auto", ""), "low"] > 0.2 and abs(table.loc[("gold", "auto"), "slope"]) < 0.15


def test_what_grows_with_the_versions_explains_the_gain(table) -> None:
    row = table.loc[("n_words", "auto")]
    assert row["verdict"] == "explains the gain" and row["ratio_high"] < 0.3 and row["role"] == "confound"
    # 40 words a version, 25 words SD within a version
    assert row["slope"] == pytest.approx(40 / 25, rel=0.1) and row["raw_slope"] == pytest.approx(40, rel=0.05)


def test_gold_is_exact_and_a_lone_autorater_of_unknown_noise(table) -> None:
    assert table.loc[("gold", "auto"), "reliability"] == 1 and np.isnan(table.loc[("auto", ""), "reliability"])
    assert "auto: items have one rating, and its noise is unknown" in table.loc[("auto", ""), "note"]
    assert 0.5 < table.loc[("rubric score", ""), "reliability"] < 0.9


def test_a_gain_that_gold_and_experts_see_too_transfers(tmp_path) -> None:
    found = wb.signal.hacking(wb.read(dataset(tmp_path / "d", *programme(2, expert_gain=0.5)))).set_index(["measure", "against"])
    assert found.loc[("gold", "rubric score"), "verdict"] == found.loc[("expert", "rubric score"), "verdict"] == "transfers"
    assert found.loc[("expert", "rubric score"), "ratio"] == pytest.approx(1, abs=0.15)
    assert found.loc[("n_words", "rubric score"), "ratio_high"] > 0.5 > found.loc[("n_words", "auto"), "ratio_high"]


def test_experts_who_rate_an_item_once_are_linked_through_the_panel(tmp_path) -> None:
    rows, items = programme(3, each=1)
    found = wb.signal.hacking(wb.read(dataset(tmp_path / "d", rows, items))).set_index(["measure", "against"])
    assert found.loc[("expert", "auto"), "verdict"] == "does not transfer"
    alone = rows[rows["rater_kind"].isin(["model", "expert"])]
    unlinked = wb.signal.hacking(wb.read(dataset(tmp_path / "e", alone))).set_index(["measure", "against"])
    assert unlinked.loc[("expert", "auto"), "verdict"] == "cannot tell"
    assert "noise of either is unknown" in unlinked.loc[("expert", "auto"), "note"]


def test_a_column_held_constant_is_least_squares_with_it() -> None:
    rows, items = programme(4, prompts=20)
    rows = rows[rows["rater_kind"] == "model"].merge(items, on="item_id").reset_index(drop=True)
    rows = rows.assign(unit=range(len(rows)), rater=0, version=rows["system"].str[1:].astype(float), rubric_version="1",
                       prompt=rows["prompt_id"].factorize()[0], pair=False)
    dummies = [(rows["prompt"] == p).to_numpy(dtype=float) for p in range(20)]
    plain, held = (np.linalg.lstsq(np.column_stack([rows["version"], *more, *dummies]), rows["score"], rcond=None)[0][0]
                   for more in ([], [rows["n_words"]]))
    found = confound_row(rows, "n_words", "auto", 0.95)
    assert found["ratio"] == pytest.approx(held / plain, abs=PROJECTED)


def test_most_ratings_at_the_top_are_a_ceiling(tmp_path) -> None:
    rows, _ = programme(5, prompts=15)
    rows = rows[rows["rater_kind"].isin(["human", "gold"])].copy()
    rows["score"] = np.where(rows["system"] == f"v{VERSIONS - 1}", 5.0, np.clip(np.round(rows["score"] + 3), 1, 5))
    found = wb.signal.hacking(wb.read(dataset(tmp_path / "d", rows)))
    assert found.loc[found["role"] == "proxy", "ceiling"].tolist() == [1.0]


def test_criteria_of_other_names_can_be_held_together(tmp_path) -> None:
    rows, _ = programme(6, prompts=30)
    rows = rows[rows["rater_kind"].isin(["human", "gold"])]
    rows = rows.assign(criterion=np.where(rows["rater_kind"] == "gold", "truth", "quality"))
    ratings = wb.read(dataset(tmp_path / "d", rows))
    apart = wb.signal.hacking(ratings)
    assert apart["note"].tolist() == ["no gold, expert or outcome rating: nothing to hold a proxy against",
                                      "no rating by a panel, autorater or program: there is no proxy"]
    assert (apart["verdict"] == "cannot tell").all()
    both = wb.signal.hacking(ratings, criteria={"truth": "quality"})
    assert both[["criterion", "measure"]].values.tolist() == [["quality", "rubric score"], ["quality", "gold"]]


def test_without_a_reference_nothing_can_be_told(hacked) -> None:
    found = wb.signal.hacking(hacked.where(rater_kind=["human", "model"]), confounds=[])
    assert found["verdict"].tolist() == ["cannot tell"] * 2
    assert found["note"].str.contains("no gold, expert or outcome rating").all()


def test_without_systems_nothing_can_be_told() -> None:
    rows = pd.DataFrame({"item_id": ["a", "b"] * 2, "rater_id": ["x", "x", "y", "y"], "score": [1.0, 2, 1, 2],
                         "rater_kind": ["human", "human", "gold", "gold"]})
    found = wb.signal.hacking(wb.read(rows))
    assert found["verdict"].tolist() == ["cannot tell"] and "no `system`: whose versions are compared is unknown" in found["note"][0]


def test_a_column_that_is_not_there_is_named(hacked) -> None:
    with pytest.raises(ParameterError, match=r"confounds='n_letters' is no numeric column of items.parquet or of .* There are: n_words"):
        wb.signal.hacking(hacked, confounds=["n_letters"])


# -- programs against experts

def judged(rows: list[tuple[str, str, str, float]]) -> wb.ratings.Ratings:
    return wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "rater_kind", "score"]))


CHECKS = [("i0", 1, (0, 0)), ("i1", 1, (0, 0)), ("i2", 0, (0, 0)), ("i3", 0, (0, 0)), ("i4", 0, (1, 1)), ("i5", 1, (1, 1)),
          ("i6", 1, (1, 1)), ("i7", 1, (0, 1))]


def test_false_passes_are_of_what_most_experts_fail() -> None:
    rows = [row for item, test, told in CHECKS for row in [(item, "test", "program", float(test)),
            *((item, f"e{k}", "expert", float(x)) for k, x in enumerate(told))]]
    found = wb.signal.program_errors(judged(rows)).set_index("name")
    # experts fail i0..i3, of which the test passes i0 and i1; they pass i4..i6, of which it fails i4; on i7 they are divided
    assert found.loc["false_pass", ["value", "n_items"]].tolist() == [2 / 4, 4]
    assert found.loc["false_fail", "value"] == pytest.approx(1 / 3) and found["n_dropped"].tolist() == [1, 1]
    # Wilson at 2 of 4: (.5 + z2/8 -/+ z sqrt(.0625 + z2/64)) / (1 + z2/4), z2 = 3.8415
    assert found.loc["false_pass", ["low", "high"]].tolist() == pytest.approx([0.15004, 0.84996], abs=1e-4)
    assert "1 items on which as many pass as fail" in found.loc["false_pass", "note"]


def test_items_of_one_prompt_widen_the_interval_of_a_share() -> None:
    wrong = np.repeat([1.0, 0, 0, 1, 0], 4)
    alone, alike = share_ends(wrong, np.arange(20), 0.95), share_ends(wrong, np.repeat(range(5), 4), 0.95)
    assert alike[0] < alone[0] and alike[1] > alone[1] and alike[2] == "prompts have several items: they count as 5"


def test_a_threshold_can_be_named() -> None:
    rows = [("a", "test", "program", 3.0), ("a", "e", "expert", 4.0), ("b", "test", "program", 4.0), ("b", "e", "expert", 2.0),
            ("c", "test", "program", 1.0), ("c", "e", "expert", 5.0)]
    found = wb.signal.program_errors(judged(rows), passing=4).set_index("name")["value"]
    assert found["false_pass"] == 1 and found["false_fail"] == 1      # b passes wrongly; a and c fail wrongly


@pytest.mark.parametrize(("kinds", "note"), [(("human", "expert"), "no rating by a program"),
                                             (("program", "human"), "no rating by kind expert")])
def test_a_side_that_is_missing_is_said(kinds: tuple[str, str], note: str) -> None:
    found = wb.signal.program_errors(judged([("a", "x", kinds[0], 1.0), ("a", "y", kinds[1], 0.0)]))
    assert found["value"].isna().all() and set(found["note"]) == {note}


def test_an_experts_verdict_that_never_fails_leaves_false_passes_undefined() -> None:
    found = wb.signal.program_errors(judged([("a", "t", "program", 1.0), ("a", "e", "expert", 1.0), ("b", "t", "program", 0.0),
                                             ("b", "e", "expert", 1.0)])).set_index("name")
    assert np.isnan(found.loc["false_pass", "value"]) and found.loc["false_pass", "note"] == "experts fail none of the items that it judged"
    assert found.loc["false_fail", "value"] == 0.5


def test_options_that_make_no_sense_are_named() -> None:
    ratings = judged([("a", "x", "program", 1.0)])
    with pytest.raises(ParameterError, match=r"truth='crowd' is not known. Use one of: 'expert', 'gold', 'outcome', 'adjudicator'"):
        wb.signal.program_errors(ratings, truth="crowd")
    with pytest.raises(ParameterError, match=r"passing='high' is not a score"):
        wb.signal.program_errors(ratings, passing="high")
