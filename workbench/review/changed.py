"""What decisions changed: whose ratings they overturned, and which units' consensus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.agreement.calibrated import wilson
from workbench.review.cases import Case
from workbench.review.decisions import Decision

RATERS = ["rater_id", "n_decided", "n_overturned", "value", "low", "high"]
UNITS = ["item_id", "step", "criterion", "before", "after", "changed", "n_ratings", "mean_before", "mean_after"]
JUDGES = ("human", "expert", "model", "program")


@dataclass(frozen=True)
class Effects:
    """What decisions changed so far.

    raters: a row a rater of decided units: n_decided, n_overturned (whose level is not the decided one), the share `value` with
        Wilson's interval at 95 %; the most overturned first. Contested units are no fair sample of anybody's work. Scores without
        levels are neither upheld nor overturned.
    units: a row a unit: the majority's level `before` (several where they tie), the decided one `after`, whether that changed it, and
        mean scores. n_second: units that two reviewers decided; n_alike: on how many of these both gave the same level.
    """

    raters: pd.DataFrame
    units: pd.DataFrame
    n_second: int
    n_alike: int

    @property
    def sentence(self) -> str:
        """The effects in words."""
        if self.units.empty:
            return "Nothing is decided yet."
        n, changed = len(self.units), int(self.units["changed"].sum())
        ratings, gone = int(self.raters["n_decided"].sum()), int(self.raters["n_overturned"].sum())
        second = f" Two reviewers gave the same level on {self.n_alike:,} of {self.n_second:,} units." if self.n_second else ""
        return (f"{n:,} {'unit' if n == 1 else 'units'} decided: the consensus changed on {changed:,}, and {gone:,} of {ratings:,} ratings "
                f"were overturned.{second}")


def effects(decided: Iterable[tuple[Case, Decision]], *, confidence: float = 0.95) -> Effects:
    """What these decisions, with the cases that they are of, changed. Of a unit decided twice the last stands."""
    decided = [(case, decision) for case, decision in decided if decision.valued]
    last = {case.unit: (case, decision) for case, decision in decided}
    given: dict[object, set[object]] = {}
    for case, decision in decided:
        given.setdefault(case.unit, set()).add((decision.reviewer, case.level_of(decision.score, decision.label)))
    twice = [pairs for pairs in given.values() if len({reviewer for reviewer, _ in pairs}) > 1]
    return Effects(overturned_raters(last.values(), confidence), pd.DataFrame([change(*one) for one in last.values()], columns=UNITS),
                   len(twice), sum(len({level for _, level in pairs}) == 1 for pairs in twice))


def overturned_raters(decided: Iterable[tuple[Case, Decision]], confidence: float) -> pd.DataFrame:
    """How many of each rater's ratings were overturned."""
    parts = []
    for case, decision in ((case, decision) for case, decision in decided if case.levels):
        rows = case.ratings[case.ratings["rater_kind"].isin(JUDGES) & case.ratings["level"].notna()]
        over = rows["level"] != case.level_of(decision.score, decision.label)
        parts.append(pd.DataFrame({"rater_id": rows["rater_id"].astype(str), "over": over}))
    if not parts:
        return pd.DataFrame(columns=RATERS)
    found = pd.concat(parts).groupby("rater_id")["over"].agg(["size", "sum"]).reset_index()
    n, k = found["size"].to_numpy(), found["sum"].to_numpy(dtype=int)
    low, high = wilson(k / n, n, confidence)
    table = pd.DataFrame({"rater_id": found["rater_id"], "n_decided": n, "n_overturned": k, "value": k / n, "low": low, "high": high})
    return table.sort_values(["value", "n_decided"], ascending=False, kind="stable").reset_index(drop=True)


def change(case: Case, decision: Decision) -> dict[str, object]:
    """One unit's consensus before and after."""
    panel, after = case.panel, case.level_of(decision.score, decision.label)
    counts = panel["level"].value_counts()
    leading = counts.index[counts == counts.max()].tolist() if len(counts) else []
    leading = sorted(leading, key=lambda level: case.scale.levels.index(level) if level in case.scale.levels else 0)
    numbers = dict(zip(case.levels, case.scale.values)) if case.scale.name == "ordinal" else {}
    means = panel["level"].map(numbers) if numbers else panel["score"] if not case.levels else panel["level"].map(lambda level: np.nan)
    before = " / ".join(leading) if case.levels else None
    return {"item_id": case.unit.item_id, "step": case.unit.step, "criterion": case.unit.criterion, "before": before, "after": after,
            "changed": bool(case.levels) and leading != [after], "n_ratings": len(panel),
            "mean_before": float(means.astype(float).mean()) if len(means) else np.nan,
            "mean_after": numbers.get(after, np.nan) if case.levels else decision.score}
