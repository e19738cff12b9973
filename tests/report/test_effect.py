"""Whether what was done about a finding worked."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from workbench.estimates import estimate, finding, findings_table
from workbench.report.effect import OTHER_RUBRIC, before, effect_of, rubrics_of, sight, told_actions, way_of
from workbench.report.loop import Action

FALSE = 0.06    # of findings that chance alone made, how many may be said to have got smaller: .05 and the error of 4,000 draws


def seen(value: float | None, half: float = 0.05, name: str = "krippendorff_alpha", severity: str = "attention") -> dict[str, object]:
    return {"period": "2026-W45", "severity": severity, "name": name, "value": value, "low": None if value is None else value - half,
            "high": None if value is None else value + half}


@pytest.mark.parametrize(("name", "then", "now", "better", "effect"), [
    ("krippendorff_alpha", 0.4, 0.51, "", "smaller, beyond noise"), ("krippendorff_alpha", 0.4, 0.5, "", "no change that can be told"),
    ("krippendorff_alpha", 0.4, 0.29, "", "worse"), ("krippendorff_alpha", 0.4, 0.51, "lower", "worse"),
    ("severity", -0.4, -0.2, "", "smaller, beyond noise"), ("severity", -0.2, 0.4, "", "worse"),
    ("detectable", 0.4, 0.2, "", "smaller, beyond noise"),
    ("mean", 3.0, 3.2, "", "changed, beyond noise; write better = \"lower\", \"higher\" or \"nearer 0\" to say whether that is smaller"),
    ("mean", 3.0, 3.2, "higher", "smaller, beyond noise"), ("mean", None, 3.2, "", "no change that can be told: no interval to tell it by"),
])
def test_a_change_is_told_where_intervals_do_not_overlap(name: str, then: float | None, now: float, better: str, effect: str) -> None:
    past = {"first": seen(then, name=name), "acted": None, "last": None}
    assert effect_of(Action("a", better=better), past, seen(now, name=name), looked=True) == effect     # halves of .05: they touch at .1


def test_what_is_not_there_is_gone_only_if_it_was_looked_for() -> None:
    past = {"first": seen(0.4), "acted": None, "last": seen(0.4)}
    assert effect_of(Action("a"), past, None, looked=True) == "gone" == effect_of(Action("a"), past, seen(0.9, severity="ok"), looked=True)
    assert effect_of(Action("a"), past, None, looked=False).startswith("not looked at")
    assert effect_of(Action("a"), {"first": None, "acted": None}, seen(0.4), looked=True) == "first seen now"


def test_what_was_done_is_judged_from_when_it_was_done() -> None:
    past = {"first": seen(0.2), "acted": seen(0.6), "last": seen(0.6)}
    assert effect_of(Action("a"), past, seen(0.58), looked=True) == "no change that can be told"


def test_a_finding_that_chance_made_does_not_seem_to_get_better() -> None:
    # first seen because it passed 1.96 errors; nothing is there, and the next estimate is drawn anew
    rng, told = np.random.default_rng(0), 0
    draws = [z for z in rng.normal(size=200_000) if abs(z) > 1.96][:4000]
    for z in draws:
        past = {"first": seen(z, half=1.96, name="severity"), "acted": None}
        told += effect_of(Action("a"), past, seen(rng.normal(), half=1.96, name="severity"), looked=True) == "smaller, beyond noise"
    plain = np.mean([(z - rng.normal()) * math.copysign(1, z) > 1.96 * math.sqrt(2) for z in draws])
    assert told / len(draws) <= FALSE < plain     # a plain test of the difference would


def test_a_change_across_a_rubric_is_not_put_down_to_what_was_done() -> None:
    past = {"first": seen(0.4) | {"rubrics": "a"}, "acted": None, "last": None}
    told = [effect_of(Action("a"), past, seen(value) | {"rubrics": rubric}, looked=True) for value, rubric in ((0.6, "a"), (0.6, "b"), (0.42, "b"))]
    assert told == ["smaller, beyond noise", OTHER_RUBRIC, "no change that can be told"]
    tables = [pd.DataFrame({"rubric_version": versions}) for versions in (["1", None], ["1", "2"])]
    assert [sorted(rubrics_of({"tone 1": "abc"}, table)) for table in (*tables, pd.DataFrame())] == [
        ["tone 1 (abc)", "version 1"], ["tone 1 (abc)", "version 1", "version 2"], ["tone 1 (abc)"]]


def test_names_say_which_way_is_better() -> None:
    names = {"gwet_ac": "higher", "difference of krippendorff_alpha": "nearer 0", "calibration_error": "lower", "mean": "", "volume": ""}
    assert {name: way_of(name) for name in names} == names


def test_periods_of_a_kind_have_an_order() -> None:
    assert before("2026-W09", "2026-W10") and before("2025-W52", "2026-W01") and before("2026-09", "2026-10")
    assert not before("2026-W46", "2026-W46") and not before("2026-10", "2026-W46") and not before("undated", "2026-W46")


def test_a_finding_without_an_estimate_is_told_too() -> None:
    table = findings_table([finding("drift", "rubric versions", "One version only.", severity="unknown"),
                            finding("drift", "mean", "It fell.", severity="attention", evidence=estimate("mean", 3.1, low=3.0, high=3.2))])
    rows = {row["id"]: sight(row, "2026-W46") for row in table.to_dict("records")}
    assert rows["drift/rubric-versions"]["value"] is None and rows["drift/mean"]["low"] == 3.0
    past = [{"id": "drift/rubric-versions", "first": rows["drift/rubric-versions"], "acted": None, "last": None}]
    [told] = told_actions([Action("drift/rubric-versions")], past=past, findings=table, period="2026-W47", looked={"drift"})
    assert told["effect"] == "no change that can be told: no interval to tell it by" and told["sentence"] == "One version only."
