"""What made a change of the mean: other shares of tasks, raters or systems, or other scores within them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import ParameterError
from workbench.estimates import join_notes
from workbench.reduce import cells, facts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from workbench.ratings import Ratings

MAX_DIMENSIONS = 5
ROUNDS = 200             # of raking; what it leaves goes to the part for combinations, so that parts always sum
WITHIN = "within cells"
INSEPARABLE = "within cells or rubric, inseparable"
APART = "not comparable"
TOGETHER = "mix of combinations"


def decompose(before: Ratings, after: Ratings, *, by: Sequence[str], confidence: float = 0.95, draws: int = 300,
              seed: int = 0) -> pd.DataFrame:
    """What made the mean score change from `before` to `after`: the mix of each column of `by`, or scores within its cells?

    A part above 0 raised the mean, below 0 lowered it; the parts sum to the change. A cell is a combination of levels of `by`,
    p and q its shares of the ratings before and after, m and n its means. On the cells that occur in both,
    within = sum (p + q)/2 (n - m), mix = sum (q - p) (m + n)/2 (Kitagawa, Oaxaca, Blinder), and the mix is shared among the
    columns by Shapley's value: the columns' margins are swapped for the later ones in every order, the earlier table being
    raked to them. "mix of combinations" is what other pairings of the same margins add (with two columns or more). "not
    comparable" is what cells that occur in one period alone contribute; its `share` says how many ratings lie there.

    before, after: selections of one criterion (`where`) on one scale. by: 1 to 5 columns. confidence, draws, seed: of the
    percentile intervals from a bootstrap of whole items (prompts, where known), the same item drawn in both periods; they do not
    add up. Between different rubric versions what changed within cells cannot be told from the rubric, and the part says so.

    Columns: `part`, `value`, `low`, `high`, `share`, `confidence`, `n_items`, `n_raters`, `n_ratings`, `note`.
    Undefined: a period without ratings, or nominal labels: one part "change", nan, the reason in `note`.
    Errors: `ParameterError` for an unknown column, none or more than 5.

    Sources: Kitagawa (1955), doi:10.1080/01621459.1955.10501299; Shapley (1953); Das Gupta (1993), raking for the margins is
    ours.

    >>> import pandas as pd, workbench as wb
    >>> rows = [("a", "code", 1), ("b", "code", 1), ("c", "math", 3), ("d", "code", 1), ("e", "math", 3), ("f", "math", 3)]
    >>> table = pd.DataFrame(rows, columns=["item_id", "task_type", "score"]).assign(rater_id="ann", batch=[1, 1, 1, 2, 2, 2])
    >>> ratings = wb.read(table)
    >>> parts = decompose(ratings.where(batch="1"), ratings.where(batch="2"), by=["task_type"])
    >>> [round(value, 3) + 0 for value in parts["value"]]
    [0.667, 0.0, 0.0]
    """
    by = [by] if isinstance(by, str) else list(by)
    if not 1 <= len(by) <= MAX_DIMENSIONS or len(set(by)) < len(by):
        raise ParameterError(f"by={by!r} cannot be decomposed by: name 1 to {MAX_DIMENSIONS} different columns.")
    old, new = (read_cells(ratings, by) for ratings in (before, after))
    return parts_of(old, new, by=by, nominal=is_nominal(before, old, new), confidence=confidence, draws=draws, seed=seed)


def parts_of(old: pd.DataFrame, new: pd.DataFrame, *, by: Sequence[str], nominal: bool = False, confidence: float = 0.95,
             draws: int = 300, seed: int = 0) -> pd.DataFrame:
    """`decompose` for ratings in memory: frames from `read_cells`."""
    empty = f"no ratings {'after' if len(old) else 'before'}" if not (len(old) and len(new)) else ""
    if reason := empty or ("nominal levels have no mean" if nominal else ""):
        return parts_table(["change"], np.array([math.nan]), None, [math.nan], confidence, (old, new), reason)
    same = set(old["rubric_version"]) == set(new["rubric_version"])
    names = [*[f"mix of {column}" for column in by], *([TOGETHER] if len(by) > 1 else []), WITHIN if same else INSEPARABLE, APART]
    terms, codes, apart = item_terms(old, new, by)
    formula = parts_formula(codes)
    value = resample.value(formula, np.asarray(terms.sum(axis=0), dtype=float).reshape(1, -1))[0]
    drawn = resample.bootstrap(formula, terms, np.ones(terms.shape[0]), draws=draws, seed=seed)
    return parts_table(names, value, drawn, [math.nan] * (len(names) - 1) + [apart], confidence, (old, new), "")


def read_cells(ratings: Ratings, columns: Sequence[str], *, groups: Sequence[str] = ()) -> pd.DataFrame:
    """The ratings that count, with `columns`, the rubric version, and the unit that is drawn whole; a unit's within `groups`."""
    prompts = [] if "prompt_id" in ratings.missing else ["prompt_id"]
    frame = cells(ratings, by=groups, extra=[c for c in dict.fromkeys((*columns, "rubric_version", *prompts)) if c not in groups])
    drawn = frame["prompt_id"].fillna(frame["item_id"]) if prompts else frame["item_id"]
    return frame.assign(_drawn=drawn.astype(str))


def is_nominal(ratings: Ratings, *frames: pd.DataFrame) -> bool:
    """Whether any of these ratings are nominal labels, which have no mean."""
    scales = facts(ratings).scales
    return any(scales[tuple(key)].name == "nominal" for f in frames
               for key in f[["rubric", "rubric_version", "criterion"]].drop_duplicates().to_numpy())


def item_terms(old: pd.DataFrame, new: pd.DataFrame, by: Sequence[str]) -> tuple[csr_array, list[np.ndarray], float]:
    """Per drawn item its ratings and their sum in each cell, before and after: (items, 4 cells), columns n, sum, n, sum.

    Also each cell's code in every column of `by`, and the share of all ratings that lie in cells of one period alone.
    """
    from scipy.sparse import csr_array

    frame = pd.concat([old.assign(_late=0), new.assign(_late=1)], ignore_index=True)
    cell = frame.groupby(list(by), dropna=False, sort=True).ngroup().to_numpy()
    item = frame["_drawn"].factorize()[0]
    size, late = int(cell.max()) + 1, frame["_late"].to_numpy()
    column = cell + 2 * size * late
    values = np.concatenate([np.ones(len(frame)), frame["score"].to_numpy(dtype=float)])
    place = (np.concatenate([item, item]), np.concatenate([column, column + size]))
    terms = csr_array((values, place), shape=(int(item.max()) + 1, 4 * size))
    first = frame.assign(_cell=cell).drop_duplicates("_cell").sort_values("_cell")
    codes = [first[c].astype("object").factorize(use_na_sentinel=False)[0] for c in by]
    counts = np.bincount(column, minlength=4 * size).astype(float)
    met = (counts[:size] > 0) & (counts[2 * size:3 * size] > 0)
    return terms, codes, float(1 - (counts[:size] + counts[2 * size:3 * size])[met].sum() / len(frame))


def parts_formula(codes: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The parts as a function of totals (draws, 4 cells) -> (draws, parts): mixes, combinations, within, not comparable."""
    def formula(totals: np.ndarray) -> np.ndarray:
        n_old, sum_old, n_new, sum_new = np.split(totals, 4, axis=-1)
        met = (n_old > 0) & (n_new > 0)
        change = sum_new.sum(-1) / n_new.sum(-1) - sum_old.sum(-1) / n_old.sum(-1)
        p, q = (np.nan_to_num(n * met / (n * met).sum(-1, keepdims=True)) for n in (n_old, n_new))
        m, n = (np.where(met, total / np.where(met, size, 1), 0) for total, size in ((sum_old, n_old), (sum_new, n_new)))
        level = (m + n) / 2
        within = ((p + q) / 2 * (n - m)).sum(-1)
        mixes, swapped = margin_mixes(p, q, level, codes)
        together = [((q - swapped) * level).sum(-1)] if len(codes) > 1 else []
        apart = change - sum([*mixes, *together], within)
        none = (met | (n_old + n_new == 0)).all(-1)   # then what is left is rounding
        return np.stack([*mixes, *together, within + apart * none, np.where(none, 0.0, apart)], axis=-1)
    return formula


def margin_mixes(p: np.ndarray, q: np.ndarray, level: np.ndarray, codes: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Shapley's share of each column in swapping the margins of p for those of q, and p with all margins swapped."""
    if len(codes) == 1:
        return [((q - p) * level).sum(-1)], q
    size = len(codes)
    tables = {s: raked(p, q, [codes[i] for i in s]) for k in range(size + 1) for s in combinations(range(size), k)}
    worth = {s: (table * level).sum(-1) for s, table in tables.items()}
    mixes = []
    for i in range(size):
        gain = 0.0
        for s in worth:
            if i not in s:
                weight = math.factorial(len(s)) * math.factorial(size - len(s) - 1) / math.factorial(size)
                gain = gain + weight * (worth[tuple(sorted((*s, i)))] - worth[s])
        mixes.append(gain)
    return mixes, tables[tuple(range(size))]


def raked(p: np.ndarray, q: np.ndarray, codes: list[np.ndarray]) -> np.ndarray:
    """p (draws, cells) moved to the margins of q in each column of `codes` by iterative proportional fitting."""
    members = [np.eye(code.max() + 1)[code] for code in codes]
    for _ in range(ROUNDS if len(codes) > 1 else len(codes)):
        moved = p
        for member in members:
            have, want = moved @ member, q @ member
            moved = moved * (np.divide(want, have, out=np.zeros_like(want), where=have > 0) @ member.T)
        done = np.abs(moved - p).max(initial=0) < 1e-13
        p = moved
        if done:
            break
    return p


def parts_table(names: list[str], value: np.ndarray, drawn: np.ndarray | None, share: list[float], confidence: float,
                frames: tuple[pd.DataFrame, pd.DataFrame], reason: str) -> pd.DataFrame:
    """The parts as a tidy frame."""
    whole = pd.concat(frames)
    rows = []
    for place, name in enumerate(names):
        low, high = (math.nan, math.nan) if drawn is None else resample.percentile_interval(drawn[:, place], confidence)
        flat = not high - low > 1e-12
        empty = name == APART and share[place] == 0
        note = "every cell occurs in both periods" if empty else "interval has no width" if flat and not reason else ""
        rows.append({"part": name, "value": float(value[place]), "low": math.nan if flat or empty else low,
                     "high": math.nan if flat or empty else high, "share": share[place], "confidence": confidence,
                     "n_items": whole["item_id"].nunique(), "n_raters": whole["rater_id"].nunique(), "n_ratings": len(whole),
                     "note": join_notes(note, reason)})
    return pd.DataFrame(rows)
