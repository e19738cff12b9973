"""Arguments that every statistic takes are checked in one place, and refused in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError, columns_of, one_of

A = wb.agreement
TAKING_BY = [A.krippendorff_alpha, A.conger_kappa, A.icc, A.summary, A.pairs, A.raters, A.intra_rater, A.connectivity, A.position_bias,
             A.autorater, A.settling, A.consensus]


@pytest.fixture(scope="module")
def ratings() -> wb.Ratings:
    rng = np.random.default_rng(0)
    return wb.read(pd.DataFrame([(f"i{i}", f"r{j}", "ab"[j % 2], int(rng.integers(1, 4))) for i in range(12) for j in range(4)],
                                columns=["item_id", "rater_id", "party", "score"]))


@pytest.mark.parametrize("statistic", TAKING_BY)
def test_one_name_is_no_list_of_columns(statistic, ratings: wb.Ratings) -> None:
    with pytest.raises(ParameterError, match=r"^by='party' is not a list of columns. Write by=\['party'\].$"):
        statistic(ratings, by="party")
    with pytest.raises(ParameterError, match=r"^by=5 is not a list of columns."):
        statistic(ratings, by=5)


def test_no_list_of_columns_is_named_by_its_argument(ratings: wb.Ratings) -> None:
    with pytest.raises(ParameterError, match=r"^mix='party' is not a list of columns. Write mix=\['party'\].$"):
        A.scorecard(ratings, party="a", mix="party")
    with pytest.raises(ParameterError, match="^by='party' is not"):
        A.difference(ratings, between="party", by="party")
    with pytest.raises(ParameterError, match="^by=None is not"):
        A.gwet_ac(ratings, by=None)
    assert columns_of(pd.Index(["party", "week"])) == ("party", "week")


@pytest.mark.parametrize("statistic", [A.intra_rater, A.alt_test])
def test_an_array_where_a_word_is_due_is_refused_in_words(statistic, ratings: wb.Ratings) -> None:
    with pytest.raises(ParameterError, match="is not known. Use one of: "):
        statistic(ratings, scale=np.eye(3))
    with pytest.raises(ParameterError, match=r"^scale=\['nominal'\] is not known"):
        one_of("scale", ["nominal"], ("nominal", "interval"))


@pytest.mark.parametrize("levels", [5, "ab"])
def test_conditions_are_a_list_of_two(levels, ratings: wb.Ratings) -> None:
    with pytest.raises(ParameterError, match=f"levels={levels!r} is not a list of two levels of 'party'"):
        A.difference(ratings, between="party", levels=levels)


@pytest.mark.parametrize(("wrong", "words"), [
    ({"confidence": "0.95"}, "confidence='0.95' is not a share between 0 and 1. Use 0.95 for 95 %."),
    ({"confidence": None}, "confidence=None is not a share"), ({"seed": -1}, "seed=-1 is no seed. Use a whole number from 0 up"),
    ({"seed": "a"}, "seed='a' is no seed"), ({"seed": 1.5}, "seed=1.5 is no seed"), ({"seed": None}, "seed=None is no seed"),
    ({"interval": "bootstrap", "draws": True}, "draws=True is too few"), ({"interval": "bca", "draws": 1e3}, "draws=1000.0 is too few")])
def test_what_an_interval_is_made_by_is_checked(wrong: dict[str, object], words: str, ratings: wb.Ratings) -> None:
    with pytest.raises(ParameterError, match=words):
        A.gwet_ac(ratings, **wrong)


def test_numbers_of_an_array_are_numbers(ratings: wb.Ratings) -> None:
    options = {"interval": "bootstrap", "confidence": 0.5, "draws": 50, "seed": 1}
    kinds = {"interval": str, "confidence": np.float32, "draws": np.int64, "seed": np.uint8}
    pd.testing.assert_frame_equal(A.gwet_ac(ratings, **options), A.gwet_ac(ratings, **{k: kinds[k](v) for k, v in options.items()}))


def test_a_rater_by_rater_table_checks_its_confidence(ratings: wb.Ratings) -> None:
    with pytest.raises(ParameterError, match="confidence='0.95' is not a share between 0 and 1"):
        A.raters(ratings, confidence="0.95")


@pytest.mark.parametrize("statistic", [A.autorater, A.alt_test, A.position_bias, A.intra_rater])
def test_an_interval_that_is_not_made_is_not_offered(statistic, ratings: wb.Ratings) -> None:
    with pytest.raises(ParameterError, match="interval='two-way' is not known. Use one of: 'jackknife', 'linearized', 'bootstrap', 'bca', 'none'"):
        statistic(ratings, interval="two-way")
