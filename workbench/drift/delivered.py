"""What was delivered, row by row: agreement and hits at the usual mix, what review left, batches and what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.drift.people_frame import INSTRUMENT, MAX_LEVELS, counted, hits, mean_of, ordered_lines, per_batch, standard
from workbench.drift.streams import utc
from workbench.reduce import cells, facts, tallies
from workbench.reduce.collect import collect
from workbench.schema import PANEL

if TYPE_CHECKING:
    from workbench.ratings import Ratings

REVIEWERS = ("human", "expert", "adjudicator")
MIX = 50                 # ratings that a task type's own level must outweigh


def standardised_rows(ratings: Ratings, window: str) -> tuple[pd.DataFrame, str]:
    """The ratings that count, with `window`, z, `alike` and `hit` (shares at the usual mix) and `kept` (1 where review left it, 0 where
    it changed it, nan where none looked); with codes `item`, `rater`, `_drawn`, `_system` (-1: none) and `_answer`, the item of a
    system; and why their order within batches is not known."""
    timed = "rated_at" not in ratings.missing
    frame, told = counted(ratings, window)
    if timed and frame["rated_at"].notna().any():
        frame = frame[frame["rated_at"].notna()].reset_index(drop=True)
    nominal = {key for key, scale in facts(ratings).scales.items() if scale.name == "nominal"}
    keys = frame[["rubric", "rubric_version", "criterion"]]
    line, unit = keys.groupby(list(keys)).ngroup().to_numpy(), frame["unit"].to_numpy()
    ordered = ordered_lines(keys, line, nominal)
    level = frame["level"].astype("float64").fillna(-1).to_numpy().astype(int)
    task = frame["task_type"].astype("object").factorize(use_na_sentinel=False)[0] if "task_type" in frame else np.zeros(len(frame), int)
    stratum = line * (task.max(initial=0) + 1) + task
    alike = nearness(unit, level, ordered)
    drawn = (frame["prompt_id"].fillna(frame["item_id"]) if "prompt_id" in frame else frame["item_id"]).factorize()[0]
    rater, item = (frame[c].factorize()[0] for c in ("rater_id", "item_id"))
    system = frame["system"].factorize()[0] if "system" in frame else np.full(len(frame), -1)
    answer = pd.DataFrame({"drawn": drawn, "item": item, "system": system}).groupby(["drawn", "item", "system"], sort=False).ngroup()
    at = frame["rated_at"].astype("int64").to_numpy() if timed else np.zeros(len(frame))
    why = per_batch(rater, line, item, at) if timed else "no rated_at"
    return frame.assign(party=named(frame), window=pd.to_datetime(frame[window], utc=True) if timed else pd.NaT, item=item, rater=rater,
                        _drawn=drawn, _system=system, _answer=answer.to_numpy(), alike=at_usual_mix(alike, stratum, line),
                        z=standard(np.where(ordered, frame["score"].to_numpy(dtype=float), np.nan), line),
                        hit=at_usual_mix(hits(frame, told, level), stratum, line),
                        kept=left_by_review(ratings, frame)), why


def named(frame: pd.DataFrame) -> pd.Series:
    """The party of each row; "(none)" where there is none."""
    column = frame["party"] if "party" in frame else pd.Series(None, index=frame.index, dtype="object")
    return column.astype("object").where(column.notna(), "(none)")


def nearness(unit: np.ndarray, level: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Agreement of each rating with the unit's others (R,): the share at its level, on ordered levels 1 less the mean distance over the
    greatest (linear weights); nan without levels or others."""
    q = level.max(initial=0) + 1
    if not len(unit) or q > MAX_LEVELS:
        return np.full(len(unit), np.nan)
    counts = np.bincount(unit * q + np.maximum(level, 0), level >= 0, (unit.max() + 1) * q).reshape(-1, q)
    steps = np.abs(np.subtract.outer(np.arange(q), np.arange(q)))
    far = [(counts @ weight)[unit, np.maximum(level, 0)] for weight in (steps / max(q - 1, 1), steps > 0)]
    others = counts.sum(1)[unit] - 1
    known = (level >= 0) & (others > 0)
    return np.where(known, 1 - np.where(ordered, *far) / np.maximum(others, 1), np.nan)


def at_usual_mix(y: np.ndarray, stratum: np.ndarray, line: np.ndarray) -> np.ndarray:
    """y less what its criterion and task type usually are, plus what all usually are."""
    if np.isnan(y).all():
        return y
    return y - mean_of(y, stratum, MIX, mean_of(y, line)) + np.nanmean(y)


def left_by_review(ratings: Ratings, frame: pd.DataFrame) -> np.ndarray:
    """Whether the first review of each rating's unit gave its level (R,); nan without one."""
    later = later_layers(ratings)
    if later.empty:
        return np.full(len(frame), np.nan)
    keys = [*INSTRUMENT, "item_id", "step"]
    alike = (lambda rows: rows.assign(step=rows["step"].astype("float64")))
    first = alike(later).sort_values("layer", kind="stable").drop_duplicates(keys)[[*keys, "level", "score"]]
    both = alike(frame[[*keys, "level", "score"]]).merge(first, on=keys, how="left", suffixes=("", "_review"))
    same = np.where(both["level"].isna(), both["score"] == both["score_review"], both["level"].eq(both["level_review"]).fillna(False))
    return np.where(both["score_review"].isna() & both["level_review"].isna(), np.nan, same.astype(float))


def later_layers(ratings: Ratings) -> pd.DataFrame:
    """Reviews of first ratings, and reviews of these: ratings of layer 1 and above, with `layer`, `rater_kind`, `selection`, `seconds`."""
    if "layer" in ratings.missing:
        return pd.DataFrame()
    conditions = dict(ratings.conditions)
    asked = ratings.where(selection=["planned", "audit", "routed", "review"]) if "selection" not in conditions else ratings
    asked = asked.where(rater_kind=list(REVIEWERS)) if "rater_kind" not in conditions else asked
    t = asked.table
    layers = collect(ratings.source, t.filter(t.layer >= 1).select("layer").distinct().order_by("layer"))["layer"].tolist()
    if not layers:
        return pd.DataFrame()
    extra = [c for c in ("layer", "rater_kind", "selection", "seconds", "party") if c not in ratings.missing]
    parts = [cells(asked.where(layer=int(layer)), by=INSTRUMENT, extra=extra) for layer in layers]
    return pd.concat(parts, ignore_index=True)


def asked_for(ratings: Ratings, window: str) -> pd.DataFrame:
    """How many first ratings were asked for, with or without a value: party, window, n_asked."""
    asked = ratings
    for column in ("rater_kind", "layer", "selection"):
        if column not in dict(ratings.conditions) and column not in ratings.missing:
            asked = asked.where(**{column: list(PANEL[column])})
    timed = "rated_at" not in ratings.missing
    keys = [c for c in ("party",) if c not in ratings.missing] + ([window] if timed else [])
    found = tallies(asked, by=keys) if keys else pd.DataFrame({"n": [asked.count()]})
    return found.assign(party=named(found), window=found[window].map(utc) if timed else pd.NaT, n_asked=found["n"])


def batch_hours(frame: pd.DataFrame, why: str) -> pd.DataFrame:
    """Hours from first start to last rating of each batch of a party, at the window in which it ended; `why` there are none in attrs."""
    reason = why or ("" if "batch" in frame and frame["batch"].notna().any() else "no batches")
    if reason:
        found = pd.DataFrame({"party": [], "window": [], "hours": []})
    else:
        begun = frame["rated_at"] if "started_at" not in frame else frame["started_at"].fillna(frame["rated_at"])
        begun = begun.where(~(begun > frame["rated_at"]), frame["rated_at"])
        batches = frame.assign(_begun=begun).groupby(["party", "batch"], dropna=False)
        found = batches.agg(begun=("_begun", "min"), ended=("rated_at", "max"), window=("window", "max")).reset_index()
        found["hours"] = (found["ended"] - found["begun"]).dt.total_seconds() / 3600
    found.attrs["why"] = reason
    return found
