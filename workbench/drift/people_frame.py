"""The ratings behind what a rater does: codes, scores on one scale, the order they were given in, and what is usual on such items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.agreement.traits import severities
from workbench.reduce import cells, facts
from workbench.reduce.collect import remembered
from workbench.schema import UNIT

if TYPE_CHECKING:
    from workbench.ratings import Ratings

INSTRUMENT = ("criterion", "rubric", "rubric_version")
WANTED = ("rater_kind", "party", "rated_at", "started_at", "seconds", "session", "system", "prompt_id", "batch", "task_type")
SITTING = 1800           # seconds without a rating that end a session, where none is named
PRIOR = 50               # ratings that a window's own level of difficulty must outweigh
MAX_LEVELS = 50
FITTED = 15              # raters from which on the effect of severity on other behaviours is fitted
NO_ORDER = "time is per batch: the order of its ratings is not known"


@dataclass(frozen=True)
class Rows:
    """The panel's ratings as codes (R,): unit, rater, line (criterion under a version), stratum (line x task type), item (drawn whole),
    window, level (-1: none); z: the score in SDs of its line (nan: no order); own: the rater's severity on the line, in z.

    names, kind, windows: of the codes; kind (m,): of each rater, a code. size (R,): ratings of the unit. hit (R,): at gold's level, nan
    without gold. seconds (R,). at (R,): time
    in seconds, session (R,): code; rank (R,): the item's place among all of the rater's. Order is unknown where `no_order` says why.
    """

    unit: np.ndarray
    rater: np.ndarray
    line: np.ndarray
    stratum: np.ndarray
    item: np.ndarray
    window: np.ndarray
    level: np.ndarray
    z: np.ndarray
    own: np.ndarray
    size: np.ndarray
    hit: np.ndarray
    seconds: np.ndarray
    at: np.ndarray
    session: np.ndarray
    rank: np.ndarray
    names: np.ndarray
    kind: np.ndarray
    windows: pd.DatetimeIndex
    no_order: str
    lacking: tuple[str, ...]

    @property
    def m(self) -> int:
        """Raters."""
        return len(self.names)


def rated(ratings: Ratings, window: str) -> pd.DataFrame:
    """The ratings that count, of any selection of criteria, with the columns that are `WANTED`; read once for all questions."""
    extra = [c for c in WANTED if c not in ratings.missing]
    extra += [window] if "rated_at" in extra else []
    return remembered(ratings, ("rated", window), lambda: cells(ratings, by=INSTRUMENT, extra=extra))


def counted(ratings: Ratings, window: str) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The ratings that count, and what gold says of their units."""
    from workbench.reduce.every import told_ratings

    frame = rated(ratings, window)
    if not len(frame) or "rater_kind" in ratings.missing:
        return frame, None
    return frame, remembered(ratings, ("told",), lambda: told_ratings(ratings, unit=UNIT, kinds=["gold"]))


def read_rows(ratings: Ratings, *, window: str) -> Rows:
    """The rows of `counted`; those without a time are left out where others have one."""
    nominal = {key for key, scale in facts(ratings).scales.items() if scale.name == "nominal"}
    return rows_of(*counted(ratings, window), nominal, window)


def rows_of(frame: pd.DataFrame, told: pd.DataFrame | None, nominal: set[tuple[str, str, str]], window: str) -> Rows:
    """From the rows of `cells`, and what gold says."""
    timed = "rated_at" in frame and frame["rated_at"].notna().any()
    frame = frame[frame["rated_at"].notna()] if timed else frame
    frame = frame.reset_index(drop=True)
    keys = frame[["rubric", "rubric_version", "criterion"]]
    line = keys.groupby(list(keys), sort=True).ngroup().to_numpy()
    ordered = ordered_lines(keys, line, nominal)
    rater, names = frame["rater_id"].factorize(sort=True)
    tasks = frame["task_type"].astype("object").factorize(use_na_sentinel=False)[0] if "task_type" in frame else 0
    z = standard(np.where(ordered, frame["score"].to_numpy(dtype=float), np.nan), line)
    unit = frame["unit"].to_numpy()
    own = np.zeros(len(frame))
    if (some := ~np.isnan(z)).any():
        effect, of = np.unique(rater[some] * (line.max() + 1) + line[some], return_inverse=True)
        found = severities(unit[some], of, z[some])
        own[some] = found[of]
    stamp = pd.to_datetime(frame["rated_at"], utc=True) if timed else None
    weeks = pd.to_datetime(frame[window], utc=True) if timed else pd.Series(pd.NaT, index=frame.index)
    code, windows = weeks.factorize(sort=True, use_na_sentinel=False) if timed else (np.zeros(len(frame), int), pd.DatetimeIndex([pd.NaT]))
    at = (stamp - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy() if timed else np.full(len(frame), np.nan)
    drawn = frame["prompt_id"].fillna(frame["item_id"]) if "prompt_id" in frame else frame["item_id"]
    item = frame["item_id"].factorize()[0]
    no_order = per_batch(rater, line, item, at) if timed else "no rated_at: the order of ratings is not known"
    level = frame["level"].astype("float64").fillna(-1).to_numpy().astype(int)
    return Rows(unit, rater, line, line * (np.max(tasks, initial=0) + 1) + tasks, drawn.factorize()[0], code, level, z, own,
                np.bincount(unit)[unit] if len(unit) else unit, hits(frame, told, level), positive(frame), at,
                sittings(frame, rater, at, bool(no_order)), ranks(rater, item, at), np.asarray(names), kinds(frame, rater),
                pd.DatetimeIndex(windows), no_order,
                () if timed else ("rated_at",))


def ordered_lines(keys: pd.DataFrame, line: np.ndarray, nominal: set[tuple[str, str, str]]) -> np.ndarray:
    """Whether the levels of each rating's line, a code (R,), have an order."""
    first = keys.iloc[np.unique(line, return_index=True)[1]]
    return np.array([key not in nominal for key in first.itertuples(index=False, name=None)], bool)[line]


def kinds(frame: pd.DataFrame, rater: np.ndarray) -> np.ndarray:
    """What kind each rater is, a code (m,): that of its first rating."""
    first = np.unique(rater, return_index=True)[1]
    return frame["rater_kind"].iloc[first].astype("object").factorize()[0] if "rater_kind" in frame else np.zeros(len(first), int)


def standard(score: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Scores in standard deviations of their line, from its mean; nan where a line does not vary."""
    for code in np.unique(line):
        here = line == code
        own = score[here]
        spread = own[~np.isnan(own)].std() if (~np.isnan(own)).any() else 0.0
        score[here] = (own - np.nanmean(own)) / spread if spread > 0 else np.nan
    return score


def hits(frame: pd.DataFrame, told: pd.DataFrame | None, level: np.ndarray) -> np.ndarray:
    """Whether each rating is at the level of its unit's gold, nan where there is none."""
    if told is None or told.empty:
        return np.full(len(frame), np.nan)
    alike = (lambda rows: rows.assign(step=rows["step"].astype("float64")))  # an all-missing column has no kind of its own
    first = alike(told[told["agreed"]][[*UNIT, "level"]].drop_duplicates(list(UNIT))).rename(columns={"level": "_gold"})
    gold = alike(frame[list(UNIT)]).merge(first, on=list(UNIT), how="left")["_gold"].to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(gold) | (level < 0), np.nan, level == gold)


def positive(frame: pd.DataFrame) -> np.ndarray:
    """Seconds above 0, else nan."""
    seconds = frame["seconds"].to_numpy(dtype=float, na_value=np.nan) if "seconds" in frame else np.full(len(frame), np.nan)
    return np.where(seconds > 0, seconds, np.nan)


def per_batch(rater: np.ndarray, line: np.ndarray, item: np.ndarray, at: np.ndarray) -> str:
    """Why the order of ratings is unknown: most of a rater's items bear a stamp that others of its items bear too, on one criterion
    (where each criterion of a text has an item of its own, they were rated together)."""
    seen = pd.DataFrame({"rater": rater, "line": line, "item": item, "at": at}).drop_duplicates()
    return NO_ORDER if len(seen) and seen.duplicated(["rater", "line", "at"], keep=False).mean() > 0.5 else ""


def sittings(frame: pd.DataFrame, rater: np.ndarray, at: np.ndarray, unordered: bool) -> np.ndarray:
    """The session of each rating, a code; where none is named, a pause of half an hour ends one."""
    if unordered:
        return np.zeros(len(rater), int)
    if "session" in frame and frame["session"].notna().all():
        session, names = frame["session"].factorize()
        return pd.factorize(rater * len(names) + session)[0]
    order = np.lexsort((at, rater))
    new = np.append(True, (np.diff(rater[order]) != 0) | (np.diff(at[order]) > SITTING)) if len(order) else np.zeros(0, bool)
    found = np.empty(len(rater), int)
    found[order] = np.cumsum(new) - 1
    return found


def ranks(rater: np.ndarray, item: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How many items the rater had rated by then, this one included, in the order of time."""
    order = np.lexsort((np.arange(len(at)), np.nan_to_num(at), rater))
    seen = pd.DataFrame({"rater": rater[order], "item": item[order]})
    fresh = ~seen.duplicated()
    nth = fresh.groupby(seen["rater"]).cumsum().where(fresh).to_numpy()
    seen["nth"] = nth
    found = np.empty(len(at))
    found[order] = seen.groupby(["rater", "item"])["nth"].transform("first").to_numpy()
    return found


def mean_of(values: np.ndarray, group: np.ndarray, prior: float = 0.0, towards: np.ndarray | float = 0.0) -> np.ndarray:
    """Mean of the known values of each rating's group, (R,), drawn `towards` something as if by `prior` further ratings."""
    known = ~np.isnan(values)
    n, total = (np.bincount(group, w, int(group.max(initial=0)) + 1) for w in (known.astype(float), np.where(known, values, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (total[group] + prior * towards) / (n[group] + prior)


def usual(y: np.ndarray, cover: np.ndarray, rows: Rows, *, severe: bool = False) -> np.ndarray:
    """What y (R,) usually is on such items: the mean of its line and task type, moved by what `cover` says of the item, and by the window.

    cover (R,): the same among the item's other raters, nan where there is none; its slope is that of all ratings, so that a
    difficulty which others do not show is not taken off. The window's own difficulty counts as far as its ratings outweigh `PRIOR`.
    severe: what a severity like the rater's does to y goes too, a parabola through all raters: who is strict agrees less, and crowds an
    end of the scale, and that is told as severity already.
    """
    line = mean_of(y, rows.line)
    level = mean_of(y, rows.stratum, PRIOR, line)
    cover = np.where(np.isnan(y), np.nan, cover)
    tilt = np.nan_to_num(cover - mean_of(cover, rows.stratum))
    left = np.nan_to_num(y - level)
    slope = (tilt @ left) / square if (square := tilt @ tilt) > 0 else 0.0
    level = level + slope * tilt
    if severe:
        level = level + parabola(y - level, rows)
    rest = y - level
    when = rows.line * len(rows.windows) + rows.window
    return level + mean_of(rest, when, PRIOR)


def parabola(left: np.ndarray, rows: Rows) -> np.ndarray:
    """Least squares of the known `left` on severity and its square, each less its mean (R,); 0 with few raters, who would be fitted
    away one by one."""
    known = ~np.isnan(left)
    if len(np.unique(rows.rater[known])) < FITTED:
        return np.zeros(len(left))
    bases = np.stack([rows.own, rows.own**2], axis=1)
    bases = bases - bases[known].mean(axis=0)
    return bases @ np.linalg.lstsq(bases[known], left[known], rcond=None)[0]
