"""Programs against experts: how often a check passes what experts fail, and fails what they pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError, one_of, share_of
from workbench.estimates import estimate, estimates_table, join_notes
from workbench.reduce import cells, facts, instrument
from workbench.signal.coupling_roles import who

if TYPE_CHECKING:
    from workbench.ratings import Ratings

TRUTHS = ("expert", "gold", "outcome", "adjudicator")


def program_errors(ratings: Ratings, *, by: Sequence[str] = ("criterion",), truth: str = "expert", passing: float | None = None,
                   criteria: Mapping[str, str] | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """How often does each program pass what experts fail ("false_pass"), and fail what they pass ("false_fail")?

    0 is a program without that error; 1 one that always makes it. false_pass = items that the program passes / items that most
    experts fail and it judged; false_fail the other way round. Items on which as many experts pass as fail are left out and
    counted (`n_dropped`). The truth is taken for right: its own errors make a program look worse, or by chance better.

    Two rows a program and group of `by`. truth: whose word counts ("expert", "gold", "outcome", "adjudicator"). passing: the least
    score that passes, for both; None: above the middle of the scale. criteria: the program's criterion that one of the truth's is
    held against, where they bear other names. Intervals are Wilson's, the number of items divided by the design effect of prompts.
    Undefined (nan, reason in `note`): no program, nobody of that kind, no common items, none that the truth fails (or passes).
    Errors: `ParameterError` for an unknown truth, or a `passing` that is no number.

    Source: Wilson (1927), doi:10.1080/01621459.1927.10502953; Kish (1965), Survey Sampling, ch. 5.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(f"i{i}", who, kind, float(score)) for i in range(4) for who, kind, score in
    ...         [("test", "program", i > 0), ("eve", "expert", i > 1)]]
    >>> found = program_errors(wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "rater_kind", "score"])))
    >>> found[["name", "value"]].values.tolist()       # of the two that the expert fails, the test passes one
    [['false_pass', 0.5], ['false_fail', 0.0]]
    """
    one_of("truth", truth, TRUTHS)
    share_of("confidence", confidence)
    if passing is not None and not (isinstance(passing, (int, float)) and math.isfinite(passing)):
        raise ParameterError(f"passing={passing!r} is not a score. Give the least score that passes, such as 1.0, or None for the middle.")
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    groups = [c for c in keys if c not in ("rubric", "rubric_version") or c in by]
    frame = passed(ratings, keys, truth, passing, criteria or {})
    rows = []
    for key, part in frame.groupby(groups, dropna=False, sort=False):
        for program in sorted(part.loc[part["rater_kind"] == "program", "rater_id"].unique()):
            rows += [dict(zip(groups, key)) | {"program": program} | row for row in rates(part, program, truth, confidence)]
    if not rows:
        nobody = estimate("false_pass", math.nan, note="no rating by a program")
        rows = [dict.fromkeys(groups) | {"program": ""} | nobody | {"name": name} for name in ("false_pass", "false_fail")]
    return estimates_table(rows, by=[*groups, "program"])


def passed(ratings: Ratings, keys: Sequence[str], truth: str, passing: float | None, criteria: Mapping[str, str]) -> pd.DataFrame:
    """The ratings of programs and of the truth, with whether each passes its item."""
    if "rater_kind" in ratings.missing or "program" not in set(who(ratings)["rater_kind"]):
        return pd.DataFrame(columns=[*keys, "rater_id", "rater_kind", "unit", "cluster", "passes"])
    extra = [c for c in ("rubric_version", "prompt_id") if c not in ratings.missing and c not in keys]
    frame = cells(ratings.where(rater_kind=["program", truth]), by=keys, extra=["rater_kind", *extra])
    scales, middle = facts(ratings).scales, np.full(len(frame), np.nan)
    level = frame["level"].to_numpy(dtype=float, na_value=np.nan)
    version = frame["rubric_version"] if "rubric_version" in frame else pd.Series("1", index=frame.index)
    for (rubric, number, criterion), scale in scales.items():
        here = (frame["rubric"] == rubric) & (version == number) & (frame["criterion"] == criterion)
        middle[here] = (len(scale.levels) - 1) / 2 if scale.levels else \
            (scale.minimum + scale.maximum) / 2 if scale.minimum is not None and scale.maximum is not None else np.nan
    score = frame["score"].to_numpy(dtype=float)
    frame["passes"] = (score >= passing) if passing is not None else np.where(np.isnan(level) | (level < 0), score, level) > middle
    told = frame["rater_kind"] == truth
    frame["criterion"] = frame["criterion"].astype(object).where(~told, frame["criterion"].replace(dict(criteria)))
    frame["unit"] = frame.groupby(["item_id", "step"], dropna=False, sort=False).ngroup()
    frame["cluster"] = frame["prompt_id"].fillna(frame["item_id"]) if "prompt_id" in frame else frame["item_id"]
    return frame


def rates(part: pd.DataFrame, program: str, truth: str, confidence: float) -> list[dict[str, object]]:
    """Both rates of one program."""
    own = part[(part["rater_kind"] == "program") & (part["rater_id"] == program)].drop_duplicates("unit", keep="last").set_index("unit")
    said = part[part["rater_kind"] == truth]
    share = said.groupby("unit")["passes"].mean()
    both = own.join(share.rename("truth"), how="inner")
    tied = int((both["truth"] == 0.5).sum())
    rows = []
    for name, right in (("false_pass", False), ("false_fail", True)):
        of = both[(both["truth"] > 0.5) == right]
        of = of[of["truth"] != 0.5]
        wrong = (of["passes"] != right).to_numpy(dtype=float)
        reason = f"no rating by kind {truth}" if said.empty else "no common items" if both.empty else \
            "" if len(of) else f"{truth}s {'pass' if right else 'fail'} none of the items that it judged"
        low, high, note = share_ends(wrong, of["cluster"].to_numpy(), confidence) if len(of) else (math.nan, math.nan, "")
        rows.append(estimate(name, float(wrong.mean()) if len(of) else math.nan, low=low, high=high, confidence=confidence,
                             method="wilson", n_items=len(of), n_raters=said[said["unit"].isin(of.index)]["rater_id"].nunique(),
                             n_ratings=len(of), n_dropped=tied,
                             note=join_notes(reason, note, f"{tied} items on which as many pass as fail" if tied else "")))
    return rows


def share_ends(wrong: np.ndarray, cluster: np.ndarray, confidence: float) -> tuple[float, float, str]:
    """Wilson's interval of a share of items, some of which share a prompt."""
    from workbench.agreement.calibrated import wilson

    n, share = len(wrong), float(wrong.mean())
    code = np.unique(cluster, return_inverse=True)[1]
    sums = np.bincount(code, wrong - share)
    alike = float((sums**2).sum() / ((wrong - share) ** 2).sum()) if 0 < share < 1 else 1.0
    effect = max(alike, 1.0) if code.max(initial=0) + 1 < n else 1.0
    low, high = wilson(np.array([share]), np.array([n / effect]), confidence)
    return float(low[0]), float(high[0]), f"prompts have several items: they count as {n / effect:.0f}" if effect > 1.05 else ""
