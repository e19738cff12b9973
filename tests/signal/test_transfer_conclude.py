from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from workbench.estimates import estimate, estimates_table
from workbench.signal import transfer_findings

NAN = math.nan


def rows(*made: tuple[str, str, str, str, float, str, str]) -> pd.DataFrame:
    """criterion, measure, role, against, ratio, verdict, note."""
    table = [estimate("gain", 0.1, low=0.05, high=0.15, confidence=0.95, n_items=40, note=note) | {
        "criterion": criterion, "measure": measure, "role": role, "against": against, "instrument": criterion, "group": "all ratings",
        "ratio": ratio, "ratio_low": ratio - 0.1, "ratio_high": ratio + 0.1, "verdict": verdict, "n_versions": 5,
        "n_needed": NAN if verdict != "cannot tell" else 300.0, "ceiling": 0.9 if measure == "auto" else 0.2}
        for criterion, measure, role, against, ratio, verdict, note in made]
    return estimates_table(table, by=["criterion", "measure", "role", "against"])


COUPLED = rows(("tone", "lab", "coupled", "", NAN, "", ""), ("tone", "panel", "independent", "", 0.2, "does not transfer", ""),
               ("style", "lab", "coupled", "", NAN, "", ""), ("style", "panel", "independent", "", 0.9, "transfers", ""),
               ("style", "vendor", "independent party", "", 0.1, "does not transfer", ""))


def test_a_gain_that_is_not_seen_outside_is_an_alarm_with_its_interval_and_n() -> None:
    found = transfer_findings(coupled=COUPLED)
    assert found["severity"].tolist() == ["alarm", "ok"]      # of the pooled independent measure alone
    assert found["sentence"][0] == ("On tone the gain on the coupled measure does not transfer to panel: they see 0.20 [0.10, 0.30] of it "
                                    "over 5 versions (40 items).")
    assert json.loads(found["slice"][0]) == {"criterion": "tone", "measure": "panel"}
    assert found.loc[0, ["name", "value", "low", "high"]].tolist() == ["transfer_ratio", 0.2, 0.1, pytest.approx(0.3)]
    assert found["status"].tolist() == ["watch", "watch"]


def test_what_cannot_be_told_is_said_once_a_reason_with_the_prompts_that_would() -> None:
    table = rows(("tone", "panel", "independent", "", 0.5, "cannot tell", ""), ("style", "panel", "independent", "", NAN, "cannot tell",
                 "3 versions are rated by both; 4 are needed"), ("form", "panel", "independent", "", 0.6, "cannot tell", ""))
    found = transfer_findings(coupled=table)
    assert found["severity"].tolist() == ["unknown", "unknown"]
    said = "on 2 targets, tone (panel), form (panel): the interval of the ratio holds one half. Some 300 prompts would"
    assert said in found["sentence"][0]
    assert "transfers on style (panel): 3 versions are rated by both." in found["sentence"][1]


def test_proxies_confounds_and_ceilings_ask_for_attention() -> None:
    hacked = rows(("tone", "auto", "proxy", "", NAN, "", ""), ("tone", "gold", "reference", "auto", 0.1, "does not transfer", ""),
                  ("tone", "n_words", "confound", "auto", 0.2, "explains the gain", ""))
    found = transfer_findings(coupled=COUPLED.head(0), hacked=hacked)
    assert found["severity"].tolist() == ["attention"] * 3
    said = " ".join(found["sentence"])
    assert "the gain on auto does not transfer to gold" in said and "n_words explains the gain on auto: held constant, 0.20" in said
    assert "most ratings at the top of the scale on tone (auto, 90%)" in said


def test_programs_that_pass_what_experts_fail_are_named() -> None:
    rates = [estimate(name, value, low=low, high=low + 0.2, confidence=0.95, n_items=50) | {"criterion": "works", "program": "unit test",
             } for name, value, low in (("false_pass", 0.4, 0.3), ("false_fail", 0.05, 0.01))]
    errors = estimates_table(rates, by=["criterion", "program"]).assign(instrument="works", group="all ratings")
    found = transfer_findings(coupled=COUPLED.head(0), errors=errors)
    assert found["severity"].tolist() == ["attention", "ok"]
    assert found["sentence"][0] == "unit test passes 40% [30%, 50%] of the items that experts fail (n = 50)."


def test_without_any_reference_hacking_is_unknown() -> None:
    hacked = rows(("tone", "rubric score", "proxy", "", NAN, "cannot tell", "no gold, expert or outcome rating: nothing to hold it against"))
    found = transfer_findings(coupled=COUPLED.head(0), hacked=hacked)
    assert found["severity"].tolist() == ["unknown"] and "no gold, expert or outcome rating" in found["sentence"][0]


def test_an_end_that_is_not_known_is_not_said() -> None:
    table = COUPLED.head(2).assign(ratio_low=-math.inf)
    found = transfer_findings(coupled=table)
    assert "they see at most 0.30 of it" in found["sentence"][0] and math.isnan(found["low"][0]) and found["high"][0] == pytest.approx(0.3)
