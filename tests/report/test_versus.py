"""Two reports beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from stand_ins import SAVE, days

import workbench
from workbench.errors import ParameterError, ReportError
from workbench.estimates import estimate, estimates_table
from workbench.report import compare, run
from workbench.report.joint import RECOMPUTED, VEILED
from workbench.report.versus import DISJOINT, change_of, changed_estimates
from workbench.store.erase import forget_rater
from workbench.store.managed import append_ratings
from workbench.store.read import read

CHANGED = SAVE.replace("0.5, low=0.4, high=0.6", "RATE, low=RATE - 0.02, high=RATE + 0.02, se=0.01").replace("half of the items", "RATE")


def table(*rows: tuple[str, float, float], **more: object) -> pd.DataFrame:
    made = [estimate("alpha", value, low=value - 1.96 * se, high=value + 1.96 * se, se=se) | {"criterion": criterion} for criterion, value, se in rows]
    return estimates_table(made, by=["criterion"]).assign(notebook="agreement", **more)


def test_a_change_has_the_errors_of_both_and_is_told_at_a_false_discovery_rate() -> None:
    then, now = table(("a", 0.5, 0.03), ("b", 0.5, 0.03), ("c", 0.4, 0.03), ("e", 0.1, 0.1)), table(("a", 0.7, 0.04), ("b", 0.51, 0.04), ("d", 0.4, 0.03), ("e", 0.1, 0.1))
    found = changed_estimates(then, now).set_index("place")
    assert found["change"].to_dict() == {"criterion a, estimand these raters": "changed", "criterion b, estimand these raters": "changed",
                                         "criterion c, estimand these raters": "gone", "criterion d, estimand these raters": "appeared"}
    row = found.loc["criterion a, estimand these raters"]
    assert row["low"] == pytest.approx(0.2 - 1.959964 * 0.05, abs=1e-6) and row["high"] == pytest.approx(0.2 + 1.959964 * 0.05, abs=1e-6)  # sqrt(.03² + .04²)
    assert row["told"] and row["note"] == DISJOINT and not found["told"].drop("criterion a, estimand these raters").any()
    assert row["p"] == pytest.approx(6.334e-5, rel=1e-3) and row["q"] == pytest.approx(row["p"] * 3, rel=1e-9)     # three have a p; 2 Phi(-4)


def test_an_error_is_read_from_the_interval_where_there_is_no_other() -> None:
    row = {"value": 0.5, "low": 0.5 - 1.645 * 0.02, "high": 0.5 + 1.645 * 0.02, "confidence": 0.9, "se": math.nan, "note": ""}
    assert change_of(row, row | {"value": 0.6})["high"] == pytest.approx(0.1 + 1.959964 * math.hypot(0.02, 0.02), rel=1e-3)
    bare = row | {"low": math.nan, "high": math.nan, "confidence": math.nan}
    assert change_of(row, bare)["note"] == "one of them has no interval" and math.isnan(change_of(row, bare)["p"])
    assert change_of(row, bare | {"value": math.nan, "note": "one level only"})["note"] == "one level only"


def test_rows_that_nothing_tells_apart_are_not_paired_by_chance() -> None:
    twice = pd.concat([table(("a", 0.5, 0.1)), table(("a", 0.9, 0.1))])
    assert changed_estimates(twice, table(("a", 0.5, 0.1)))["change"].tolist() == ["appeared"]


def test_two_reports_and_what_they_were_made_from(workspace: Path, write: Callable, ratings: Callable) -> None:
    ratings(days("2026-11-02", "2026-11-08", "2026-11-15"))
    write("agreement", save=CHANGED.replace("RATE", "0.5"))
    run("agreement", period="2026-W45")
    run("agreement", period="2026-W46")
    same = compare("agreement/2026-W45", "agreement/2026-W46")
    assert same.made["what"].tolist() == ["period", "ratings in the period"] and same.by_data_alone
    assert same.findings.empty and same.estimates.empty
    write("agreement", save=CHANGED.replace("RATE", "0.9"))
    run("agreement", parameters={"draws": 7})
    other = compare("agreement/2026-W45", "agreement")
    assert {"agreement: draws", "code of agreement"} <= set(other.made["what"]) and not other.by_data_alone
    assert other.findings[["change", "sentence_now"]].values.tolist() == [["changed", "Raters agree on 0.9."]]
    assert other.estimates["told"].tolist() == [True] and other.estimates["value"].item() == pytest.approx(0.4)


def test_reports_of_two_packs_are_not_compared(workspace: Path, write: Callable) -> None:
    write("agreement"), write("drift")
    run("agreement"), run("drift")
    with pytest.raises(ReportError, match="a report of drift was expected, and it is one of agreement"):
        compare("agreement", "drift")
    with pytest.raises(ParameterError, match="names no report here"):
        compare("agreement", "weekly")


MEASURED = '''import workbench as wb
ratings = wb.read(data).until(period)
tables = [wb.agreement.summary(ratings, by=["criterion"])]'''
SUMMED = SAVE.replace("estimates=estimates", "estimates=tables")


def week_of(first: str, n: int, seed: int) -> pa.Table:
    """Three ratings of n items of one week."""
    drawn = np.random.default_rng(seed)
    scores = np.clip(np.round(3 + drawn.normal(size=(n, 1)) + drawn.normal(scale=0.8, size=(n, 3))), 1, 5).ravel()
    items = np.repeat([f"{first}-{i}" for i in range(n)], 3)
    return pa.table({"rating_id": [f"{item}{rater}" for item, rater in zip(items, "abc" * n)], "item_id": items, "rater_id": list("abc") * n,
                     "criterion": ["tone"] * (3 * n), "score": scores, "rated_at": [pd.Timestamp(first, tz="UTC").to_pydatetime()] * (3 * n)})


def test_what_grows_from_week_to_week_is_compared_on_the_ratings_of_both_while_they_can_be_read(
        workspace: Path, write: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "read", read)
    for first, n in (("2026-10-28", 60), ("2026-11-04", 60)):
        append_ratings(workspace / "data/live", week_of(first, n, n), action={"action": "import"})
    write("agreement", MEASURED, save=SUMMED)
    run("agreement", data="data/live", period="2026-W45")
    append_ratings(workspace / "data/live", week_of("2026-11-11", 30, 7), action={"action": "import"})
    run("agreement", data="data/live", period="2026-W46")
    found = compare("agreement/2026-W45", "agreement/2026-W46", data="data/live")
    apart = compare("agreement/2026-W45", "agreement/2026-W46", joint=False)
    assert found.joint == "" and found.estimates["note"].tolist() == [RECOMPUTED] * 3 and set(apart.estimates["note"]) == {DISJOINT}
    widths = [table.set_index("name").eval("high - low") for table in (found.estimates, apart.estimates)]
    assert (widths[0] < 0.7 * widths[1]).all()
    unread = compare("agreement/2026-W45", "agreement/2026-W46")     # the pack's own data are others
    assert "the report was made from" in unread.joint and set(unread.estimates["note"]) == {DISJOINT}
    forget_rater(workspace / "data/live", "c")
    erased = compare("agreement/2026-W45", "agreement/2026-W46", data="data/live")
    assert "was erased when a rater was forgotten" in erased.joint and set(erased.estimates["note"]) == {DISJOINT}


BY_RATER = MEASURED.replace('by=["criterion"])]', 'by=["criterion"]), wb.agreement.raters(ratings)]')
FEW = 4


@pytest.mark.parametrize(("terms", "n_new"), [(f'pseudonyms = "WB_KEY"\nmin_cell = {FEW}', 30), (f'pseudonyms = "WB_KEY"\nmin_cell = {FEW}', FEW - 1),
                                             ('party = "north"', 30)])
def test_reports_of_a_private_pack_are_compared_on_both_as_its_terms_allow(
        workspace: Path, write: Callable, monkeypatch: pytest.MonkeyPatch, terms: str, n_new: int) -> None:
    monkeypatch.setattr(workbench, "read", read)
    monkeypatch.setenv("WB_KEY", "the-key-itself")
    people = {"a": "anna.meier@north.example", "b": "Jane Doe", "c": "nr-07"}
    weeks = [week_of(first, n, n).to_pandas() for first, n in (("2026-10-28", 60), ("2026-11-04", 60), ("2026-11-11", n_new))]
    rows = pd.concat(weeks).assign(party="north").replace({"rater_id": people})
    others = rows[rows["rater_id"] == "nr-07"].assign(party="southland", rater_id="so-01", rating_id=lambda rows: rows["rating_id"] + "o")
    pd.concat([rows, others]).to_csv(workspace / "data/small.csv", index=False)
    write("agreement", BY_RATER, save=SUMMED)
    (workspace / "reports/mine.toml").write_text(f'data = "data/small.csv"\n{terms}\n[[notebook]]\nname = "agreement"\n')
    for period in ("2026-W45", "2026-W46"):
        run("mine", period=period)
    found = compare("mine/2026-W45", "mine/2026-W46")
    assert found.joint == ""
    alpha = found.estimates.set_index("name").loc["krippendorff_alpha"]
    apart = compare("mine/2026-W45", "mine/2026-W46", joint=False).estimates.set_index("name").loc["krippendorff_alpha"]
    assert alpha["note"] == RECOMPUTED and alpha["high"] - alpha["low"] < 0.7 * (apart["high"] - apart["low"])
    by_rater = found.estimates[found.estimates["name"] == "central_tendency"]
    assert len(by_rater) >= 3 and by_rater["note"].str.startswith(VEILED if n_new < FEW else "as 120 of the later's 150 items").all()
    hidden = [*people.values(), "so-01", "southland", "the-key"] if "pseudonyms" in terms else ["so-01", "southland"]
    said = found.estimates.to_csv() + found.findings.to_csv() + found.made.to_csv() + (workspace / "reports/index.html").read_text()
    assert not [name for name in hidden if name in said]
    if "pseudonyms" in terms:
        monkeypatch.delenv("WB_KEY")
        assert "no such environment variable" in compare("mine/2026-W45", "mine/2026-W46").joint
