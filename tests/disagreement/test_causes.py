"""Sentences on kinds, camps and steps."""

from __future__ import annotations

import math

import pandas as pd

from workbench.disagreement.causes import faction_findings, kind_findings, step_findings
from workbench.estimates import estimate


def split(**shares: float) -> pd.DataFrame:
    rows = [{"kind": kind, "share": share, "low": share - .1, "high": share + .1} for kind, share in shares.items()]
    return pd.DataFrame(rows).assign(confidence=.95, n_items=120, n_raters=9, n_ratings=480, note="")


def camps(criterion: str, n: float, places: dict[str, int], note: str = "") -> pd.DataFrame:
    return pd.DataFrame({"rater_id": list(places), "criterion": criterion, "rubric": "default", "faction": list(places.values()),
                         "n_factions": n, "across": .4, "across_low": .3, "across_high": .5, "detectable": math.nan if n else .45, "p": .001, "status": "found" if n else "",
                         "n_ratings": 50, "note": note})


NO_ITEMS = pd.DataFrame({"item_id": [], "criterion": [], "rubric": []})


def test_the_largest_kinds_come_first_and_the_largest_says_what_to_do() -> None:
    found, = kind_findings(split(severity=.2, item_spread=.5, rest=.3))
    assert found["sentence"] == ("Of what two raters of an item differ by, 50% [40%, 60%] is single raters reading items differently, and again so; "
                                 "30% [20%, 40%] is what a typical rater changes on a second look; 20% [10%, 30%] is some raters being "
                                 "stricter than others (n = 120 items).")
    assert "mend the rubric" in found["action"] and (found["value"], found["severity"]) == (.5, "ok")


def test_what_only_repeats_would_tell_apart_is_unknown() -> None:
    found, = kind_findings(split(severity=.2, unseparated=.8))
    assert found["severity"] == "unknown" and "rate some items again" in found["action"]


def test_kinds_that_cannot_be_told_say_why() -> None:
    found, = kind_findings(split(severity=math.nan).assign(note="no item has ratings by two raters"))
    assert found["severity"] == "unknown" and found["sentence"].endswith("cannot be told: no item has ratings by two raters.")


def test_camps_name_their_raters_and_the_items_on_which_they_part() -> None:
    parting = pd.DataFrame({"item_id": ["i3", "i1"], "criterion": "tone", "rubric": "default"})
    found, = faction_findings(camps("tone", 2, {"ann": 1, "bob": 1, "cy": 1, "di": 2, "ed": 2, "flo": 0}), parting)
    assert found["sentence"] == ("On tone, raters fall into 2 camps of 3 and 2, 1 not placed, whose readings correlate 0.40 [0.30, 0.50] "
                                 "(camp 1: ann, bob, cy; camp 2: di, ed). They part most on i3, i1.")
    assert (found["severity"], found["status"]) == ("attention", "found")


def test_none_and_cannot_tell_are_said_once_for_all_criteria_alike() -> None:
    tables = [camps(c, n, {"ann": 0, "bob": 0}, note) for c, n, note in
              (("tone", 0, ""), ("facts", 0, ""), ("style", math.nan, "cannot tell: too few items in common"),
               ("safety", math.nan, "cannot tell: too few items in common"))]
    none, untold = faction_findings(pd.concat(tables), NO_ITEMS)
    assert none["sentence"] == ("On facts, tone, raters fall into no camps beyond severity, scale use and noise; two of equal size "
                                "whose opinions correlate by 0.45 or less would more often than not have been seen.") and none["severity"] == "ok"
    assert untold["sentence"] == "Whether raters fall into camps on safety, style cannot be told: too few items in common."
    assert untold["severity"] == "unknown"


def test_what_sparse_ratings_exclude_is_said_once_for_criteria_that_cannot_be_told() -> None:
    few = "cannot tell: these raters share too few items for small camps to be seen; two of equal size, whose opinions correlate by {} or less"
    tables = [camps(c, math.nan, {"a": 0}, few.format(d)).assign(detectable=d) for c, d in (("tone", .3), ("facts", .4))]
    untold, = faction_findings(pd.concat(tables), NO_ITEMS)
    assert untold["sentence"] == ("Whether raters fall into camps on facts, tone cannot be told: these raters share too few items for small camps to be "
                                  "seen; two of equal size whose opinions correlate by 0.3 or less would more often than not have been seen.")


def test_what_would_have_been_seen_is_the_least_of_all_criteria_and_left_out_where_camps_were_seen_but_judge_one_thing() -> None:
    weak, strong = camps("tone", 0, {"a": 0}).assign(detectable=.3), camps("facts", 0, {"a": 0}).assign(detectable=.7)
    alike = camps("style", 0, {"a": 0}).assign(detectable=math.nan)
    assert "correlate by 0.3 or less" in faction_findings(pd.concat([weak, strong, alike]), NO_ITEMS)[0]["sentence"]
    assert faction_findings(alike, NO_ITEMS)[0]["sentence"].endswith("scale use and noise.")


def steps(carry: tuple[float, float, float]) -> pd.DataFrame:
    value, low, high = carry
    rows = [estimate("parting", .1, low=.05, high=.15, n_items=40) | {"step": 0.}, estimate("parting", .4, low=.3, high=.5, n_items=40) | {"step": 2.},
            estimate("first_error_agreement", .7, low=.6, high=.8) | {"step": math.nan},
            estimate("carry_on", value, low=low, high=high) | {"step": math.nan}]
    return pd.DataFrame(rows).assign(criterion="correct", rubric="default")


def test_the_step_where_raters_part_most_is_named_and_a_difference_that_carries_on_asks_for_attention() -> None:
    found, = step_findings(steps((.25, .1, .4)))
    assert found["sentence"] == ("On correct, raters who agreed so far part most at step 2: 40% [30%, 50%] of pairs (n = 40 trajectories). "
                                 "70% [60%, 80%] name the same first error. A difference carries on: +0.25 [+0.10, +0.40] at the next step.")
    assert found["severity"] == "attention"


def test_a_difference_that_may_not_carry_on_is_not_said_to() -> None:
    found, = step_findings(steps((.05, -.1, .2)))
    assert "carries on" not in found["sentence"] and found["severity"] == "ok"


def test_whole_items_have_no_step_findings() -> None:
    none = pd.DataFrame([estimate("disagreement", math.nan, note="no rating is of a step") | {"criterion": "", "rubric": "", "step": math.nan}])
    assert step_findings(none) == []


def test_shares_without_an_interval_are_not_told() -> None:
    found, = kind_findings(split(severity=.2, rest=.8).assign(low=math.nan, high=math.nan, n_items=2, note="fewer than 20 items: no interval"))
    assert found["sentence"] == "What raters of an item differ by cannot be told: fewer than 20 items: no interval (n = 2 items)."
    assert found["severity"] == "unknown" and found["value"] is None


def test_one_criterion_of_two_rubrics_is_named_with_each() -> None:
    table = pd.concat([camps("tone", 0, {"a": 0}), camps("tone", 0, {"a": 0}).assign(rubric="other")])
    found, = faction_findings(table, NO_ITEMS)
    assert found["sentence"].startswith("On tone (default), tone (other), raters fall into no camps")
