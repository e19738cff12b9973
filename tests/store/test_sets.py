"""Set-valued labels become one yes/no criterion per option."""

from __future__ import annotations

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import RatingsError

FRAME = pd.DataFrame({"item_id": ["a", "a", "b", "a"], "rater_id": ["x", "y", "x", "x"],
                      "label": ["TREATS|CAUSES", "TREATS", None, "good"], "criterion": ["relations"] * 3 + ["tone"]})


def split() -> pd.DataFrame:
    rows = wb.read(FRAME, separators={"relations": "|"}).to_pandas(limit=None)
    return rows.sort_values(["criterion", "item_id", "rater_id"]).reset_index(drop=True)


def test_each_option_becomes_a_criterion_answered_yes_or_no() -> None:
    rows = split()
    assert rows["criterion"].unique().tolist() == ["relations: CAUSES", "relations: TREATS", "tone"]
    causes = rows[rows["criterion"] == "relations: CAUSES"].set_index(["item_id", "rater_id"])["label"]
    assert causes["a", "x"] == "yes" and causes["a", "y"] == "no"


def test_a_missing_set_stays_missing_on_every_option() -> None:
    rows = split()
    assert rows.loc[rows["item_id"] == "b", "label"].isna().tolist() == [True, True]


def test_other_criteria_are_left_as_they_are() -> None:
    assert split().query("criterion == 'tone'")["label"].tolist() == ["good"]


def test_an_option_agrees_as_its_indicator_does() -> None:
    ratings = wb.read(FRAME, separators={"relations": "|"}).where(criterion="relations: TREATS")
    assert wb.agreement.percent_agreement(ratings)["value"][0] == 1.0


def test_a_criterion_without_labels_is_named() -> None:
    with pytest.raises(RatingsError, match="separators names criterion 'none' with separator '|', but no rating of that criterion"):
        wb.read(FRAME, separators={"none": "|"})


def test_the_split_is_part_of_the_snapshot() -> None:
    assert wb.read(FRAME).source.id != wb.read(FRAME, separators={"relations": "|"}).source.id
