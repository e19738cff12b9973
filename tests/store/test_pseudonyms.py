"""Names that reading hides: ids, what else names raters, and other parties."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ParameterError
from workbench.privacy import Terms, under
from workbench.store.pseudonyms import ANOTHER, names_hidden, pseudonym

RATERS = {"ann-1": "north", "bob-2": "north", "cid-3": "south", "dan-4": "south"}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "secret")


@pytest.fixture
def folder(away: Path) -> Path:
    """Four raters of two parties on three items, with their mail addresses and countries; gold; and all side tables that name someone."""
    place = away / "named"
    (place / "rubrics").mkdir(parents=True)
    rows = [{"item_id": item, "rater_id": rater, "score": 1 + len(item + rater) % 2, "party": party, "rater_kind": "human", "session": f"{rater}@9",
             "mail": f"{rater}@mail.example", "country": "N" if rater < "c" else "S", "batch": f"{party}-1", "said": f"{item} {rater}"}
            for item, (rater, party) in itertools.product(["i", "jj", "k"], RATERS.items())]
    gold = {"item_id": "i", "rater_id": "gold", "score": 1, "rater_kind": "gold", "party": None}
    adjudicator = {"item_id": "i", "rater_id": "eve-5", "score": 1, "rater_kind": "adjudicator", "party": None}
    pd.DataFrame([*rows, gold, adjudicator]).to_parquet(place / "ratings.parquet")
    pd.DataFrame({"rater_id": list(RATERS), "name": ["Ann Berg", "Bob Dahl", "Cid Eik", None], "grade": ["a", "a", "b", "b"]}).to_parquet(place / "raters.parquet")
    pd.DataFrame({"system": ["s1", "s2", "s3"], "trained_on_party": [None, "north", "south"], "trained_on_batch": [None, "north-1", "south-1"]}
                 ).to_parquet(place / "systems.parquet")
    pd.DataFrame({"batch": ["north-1", "south-1", None], "check": "values"}).to_parquet(place / "checks.parquet")
    (place / "rubrics/default-1.toml").write_text('name = "default"\nversion = "1"\nauthor_party = "south"\n[criteria.overall]\nscale = "ordinal"\n'
                                                  'levels = [{name = "1", value = 1}, {name = "2", value = 2}]\n')
    return place


def test_ids_sessions_and_addresses_are_hashed_and_groups_and_words_are_not(folder: Path) -> None:
    told = wb.read(folder, pseudonyms="KEY").to_pandas(limit=None).query("rater_kind == 'human'")
    assert set(told["rater_id"]) == {pseudonym(rater, "KEY") for rater in RATERS}
    assert set(told["session"]) == {pseudonym(f"{rater}@9", "KEY") for rater in RATERS}
    assert set(told["mail"]) == {pseudonym(f"{rater}@mail.example", "KEY") for rater in RATERS}
    assert set(told["country"]) == {"N", "S"} and set(told["party"]) == {"north", "south"} and "i ann-1" in set(told["said"])


def test_what_names_raters_in_their_side_table_is_hashed_too_and_still_joins(folder: Path) -> None:
    read = wb.read(folder, pseudonyms="KEY")
    assert set(read.raters["rater_id"]) < set(read.to_pandas(limit=None)["rater_id"])
    assert not set(read.raters["name"]) & {"Ann Berg", "Bob Dahl", "Cid Eik"} and read.raters["grade"].tolist() == ["a", "a", "b", "b"]


def test_a_row_filter_takes_an_id_or_its_pseudonym_and_names_only_this(folder: Path) -> None:
    hidden = pseudonym("ann-1", "KEY")
    for given in ("ann-1", hidden):
        read = wb.read(folder, pseudonyms="KEY", exclude={"rater_id": given})
        assert read.excluded() == {f"rater_id = {hidden}": 3} and read.count() == 11


def test_one_party_is_read_with_gold_and_without_anyone_else(folder: Path) -> None:
    with under(Terms(party="north")):
        read = wb.read(folder, exclude={"party": ["south"]})
        assert set(read.to_pandas(limit=None)["rater_id"]) == {"ann-1", "bob-2", "gold"} and read.snapshot.n_rows == 7
        assert read.excluded() == {} and set(read.raters["rater_id"]) == {"ann-1", "bob-2"}
        assert read.systems["trained_on_party"].tolist()[1:] == ["north", ANOTHER] and read.systems["trained_on_batch"].tolist()[1:] == ["north-1", ANOTHER]
        assert read.side_table("checks")["batch"].tolist()[0] == "north-1" and len(read.side_table("checks")) == 2
        assert read.rubrics["default", "1"].author_party == ANOTHER
    assert read.snapshot.id != wb.read(folder).snapshot.id


def test_a_report_whose_key_or_party_is_not_there_is_refused(folder: Path) -> None:
    with under(Terms(party="west")), pytest.raises(ParameterError, match="party='west' has no rating in named. Its parties are: north, south"):
        wb.read(folder)
    with under(Terms(pseudonyms="KEY")), pytest.raises(ParameterError, match="no such environment variable"):
        wb.read(folder, pseudonyms="")          # no way round the terms


def test_the_terms_hold_where_the_caller_forgets_them(folder: Path) -> None:
    with under(Terms(pseudonyms="KEY")):
        assert not set(wb.read(folder).to_pandas(limit=None)["rater_id"]) & set(RATERS)


def test_all_that_must_stand_nowhere_is_named_with_what_may(folder: Path) -> None:
    known = names_hidden(wb.read(folder), Terms(pseudonyms="KEY"))
    assert known["ann-1"] == pseudonym("ann-1", "KEY") and {"cid-3@9", "dan-4@mail.example", "Ann Berg", "eve-5"} <= set(known)
    assert not {"gold", "north", "N", "a"} & set(known)
    others = names_hidden(wb.read(folder), Terms(party="north"))
    assert others["cid-3"] == f"({ANOTHER})" and "ann-1" not in others


def test_short_and_numbered_ids_are_left_to_reading(csv: Callable[..., Path]) -> None:
    read = wb.read(csv("item_id,rater_id,score\na,x,1\na,1234,2\na,x-y-z,2\n"))
    assert set(names_hidden(read, Terms(pseudonyms="KEY"))) == {"x-y-z"}
