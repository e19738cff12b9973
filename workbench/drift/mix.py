"""What made a change of the mean: other shares of tasks, raters, systems or rubric versions, or other scores within them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.drift.mix_effects import Effect, bridge_pairs, rater_effect, rubric_effect
from workbench.drift.mix_parts import Cells, parts_formula
from workbench.errors import ParameterError
from workbench.estimates import join_notes
from workbench.reduce import cells, facts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from workbench.ratings import Ratings

MAX_DIMENSIONS = 5
WITHIN = "within cells"
INSEPARABLE = "within cells or rubric, inseparable"
APART = "not comparable"
TOGETHER = "mix of combinations"
OF_TIME = ("week", "month", "batch", "rubric_version")     # what a bridge set may lie outside of


def decompose(before: Ratings, after: Ratings, *, by: Sequence[str], confidence: float = 0.95, draws: int = 300,
              seed: int = 0) -> pd.DataFrame:
    """What made the mean score change from `before` to `after`: the mix of each column of `by`, the rubric, or scores within cells?

    A part above 0 raised the mean, below 0 lowered it; the parts sum to the change. A cell is a combination of levels of `by`,
    p and q its shares of the ratings before and after, m and n its means. On the cells that occur in both,
    within = sum (p + q)/2 (n - m), mix = sum (q - p) (m + n)/2 (Kitagawa, Oaxaca, Blinder), and the mix is shared among the
    columns by Shapley's value: the columns' margins are swapped for the later ones in every order, the earlier table being
    raked to them. "mix of combinations" is what other pairings of the same margins add (with two columns or more). "not
    comparable" is what cells that occur in one period alone contribute; its `share` says how many ratings lie there.

    "mix of rater_id" goes by severities, not by the raters' means, which hold what they happened to rate: score = unit + rater by
    least squares over the items that raters share; ratings by raters who share none with the rest are not comparable. "rubric
    version" is what the bridge set says: what the same raters gave the same items more under the later version, wherever `before`'s
    source holds these, the same for all cells. Without such a set of 10 items what changed within cells cannot be told from the
    rubric, and the part says so. The note of what changed within cells points out Simpson's reversals: a mean that rose while
    scores within cells fell, or fell while they rose, both beyond their intervals.

    before, after: selections of one criterion (`where`) on one scale. by: 1 to 5 columns. confidence, draws, seed: of the
    percentile intervals from a bootstrap of whole items (prompts, where known), the same item drawn in both periods and in the
    bridge set; they do not add up.

    Columns: `part`, `value`, `low`, `high`, `share`, `confidence`, `n_items`, `n_raters`, `n_ratings`, `note`.
    Undefined: a period without ratings, or nominal labels: one part "change", nan, the reason in `note`.
    Errors: `ParameterError` for an unknown column, none or more than 5, above 3,000 raters where `by` names them.

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
    return parts_of(old, new, by=by, nominal=is_nominal(before, old, new), confidence=confidence, draws=draws, seed=seed,
                    bridge=wider(before, after, old, new))


def wider(before: Ratings, after: Ratings, old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame | None:
    """All ratings of what both selections ask for, whenever given, where a bridge set may be found; None where none is needed."""
    versions = sorted({*old["rubric_version"], *new["rubric_version"]})
    if len(versions) < 2:
        return None
    common = tuple(c for c in before.conditions if c in after.conditions and c[0] not in OF_TIME)
    whole = replace(before, conditions=common, start=None, end=None).where(rubric_version=versions)
    return read_cells(whole, [], groups=["rubric_version"])


def parts_of(old: pd.DataFrame, new: pd.DataFrame, *, by: Sequence[str], nominal: bool = False, confidence: float = 0.95,
             draws: int = 300, seed: int = 0, bridge: pd.DataFrame | None = None) -> pd.DataFrame:
    """`decompose` for ratings in memory: frames from `read_cells`; `bridge`: where to look for a bridge set, both by default."""
    empty = f"no ratings {'after' if len(old) else 'before'}" if not (len(old) and len(new)) else ""
    if reason := empty or ("nominal levels have no mean" if nominal else ""):
        return parts_table(["change"], np.array([math.nan]), None, {}, confidence, (old, new), reason)
    frame = pd.concat([old.assign(_late=0), new.assign(_late=1)], ignore_index=True)
    first = old["rubric_version"].mode()[0]
    versions = [first, *sorted(set(frame["rubric_version"]) - {first})]
    several = len(versions) > 1
    pairs = bridge_pairs(frame if bridge is None else bridge, versions[:2]) if several else pd.DataFrame({"_drawn": []})
    items = pd.Index(pd.unique(pd.concat([frame["_drawn"], pairs["_drawn"]])))
    drawn = items.get_indexer(frame["_drawn"])
    columns = [c for c in by if c not in ("rater_id", "rubric_version")]
    effects = [rater_effect(frame, drawn, len(items))] if "rater_id" in by else []
    rubric = rubric_effect(frame, pairs, items, versions) if several else ""
    effects += [] if isinstance(rubric, str) else [rubric]
    names = [*[f"mix of {column}" for column in columns], *([TOGETHER] if len(columns) > 1 else []), *[e.name for e in effects],
             INSEPARABLE if isinstance(rubric, str) and rubric else WITHIN, APART]
    terms, what, levels, apart = item_terms(frame, drawn, len(items), columns, effects)
    value, samples = estimated(terms, what, levels, effects, draws, seed)
    notes = {**{e.name: e.note for e in effects}, names[-2]: join_notes(rubric if isinstance(rubric, str) else "",
                                                                        reversal(names, value, samples, confidence))}
    order = [*[n for c in by for n in names if n == f"mix of {c}"], *[n for n in names if not n.startswith("mix of ") or n == TOGETHER]]
    place = [names.index(name) for name in order]
    return parts_table(order, value[place], samples[:, place], notes, confidence, (old, new), "", apart)


def read_cells(ratings: Ratings, columns: Sequence[str], *, groups: Sequence[str] = ()) -> pd.DataFrame:
    """The ratings that count, with `columns`, the rubric version, and the unit that is drawn whole; a unit's within `groups`."""
    prompts = [] if "prompt_id" in ratings.missing else ["prompt_id"]
    extra = [c for c in dict.fromkeys((*columns, "rubric_version", *prompts)) if c not in groups]
    return with_drawn(cells(ratings, by=groups, extra=extra))


def with_drawn(frame: pd.DataFrame) -> pd.DataFrame:
    """Ratings with `_drawn`, the unit that is drawn whole: the prompt, else the item."""
    drawn = frame["prompt_id"].fillna(frame["item_id"]) if "prompt_id" in frame else frame["item_id"]
    return frame.assign(_drawn=drawn.astype(str))


def is_nominal(ratings: Ratings, *frames: pd.DataFrame) -> bool:
    """Whether any of these ratings are nominal labels, which have no mean."""
    scales = facts(ratings).scales
    return any(scales[tuple(key)].name == "nominal" for f in frames
               for key in f[["rubric", "rubric_version", "criterion"]].drop_duplicates().to_numpy())


def item_terms(frame: pd.DataFrame, drawn: np.ndarray, n_items: int, columns: Sequence[str],
               effects: Sequence[Effect]) -> tuple[csr_array, Cells, list[np.ndarray], float]:
    """Per drawn item its ratings and their sum in each fine cell, before and after: (items, 4 F), columns n, sum, n, sum.

    Also what the cells are, each fine cell's level of each effect, and the share of all ratings that are not comparable.
    """
    from scipy.sparse import csr_array

    cell = frame.groupby(list(columns), dropna=False, sort=True).ngroup().to_numpy() if columns else np.zeros(len(frame), int)
    parts = np.stack([cell, *[e.code for e in effects]], axis=1)
    fine, where = np.unique(parts, axis=0, return_inverse=True)
    size, late, where = len(fine), frame["_late"].to_numpy(), where.ravel()
    column = where + 2 * size * late
    values = np.concatenate([np.ones(len(frame)), frame["score"].to_numpy(dtype=float)])
    place = (np.concatenate([drawn, drawn]), np.concatenate([column, column + size]))
    terms = csr_array((values, place), shape=(n_items, 4 * size))
    first = frame.assign(_cell=cell).drop_duplicates("_cell").sort_values("_cell")
    codes = [first[c].astype("object").factorize(use_na_sentinel=False)[0] for c in columns]
    linked = (fine[:, 1:] >= 0).all(axis=1)
    counts = np.stack([np.bincount(cell, (late == side) & linked[where], int(cell.max()) + 1) for side in (0, 1)])
    comparable = (counts > 0).all(axis=0)[cell] & linked[where]
    starts = np.flatnonzero(np.diff(fine[:, 0], prepend=-1))
    return terms, Cells(codes, starts, linked), [np.maximum(level, 0) for level in fine[:, 1:].T], float(1 - comparable.mean())


def estimated(terms: csr_array, what: Cells, levels: Sequence[np.ndarray], effects: Sequence[Effect], draws: int,
              seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The parts (P,), and the parts of each resample of the items (draws, P)."""
    formula = parts_formula(what)
    totals = np.asarray(terms.sum(axis=0), dtype=float).reshape(1, -1)
    value = resample.value(lambda t: formula(t, [e.value[None, level] for e, level in zip(effects, levels)]), totals)[0]
    size = max(1, resample.BLOCK // max(terms.shape[1], 1))
    drawn = [resample.value(lambda t: formula(t, [e.drawn(part)[:, level] for e, level in zip(effects, levels)]), part @ terms)
             for block in resample.resamples(np.ones(terms.shape[0]), draws=draws, seed=seed)
             for part in np.array_split(block, -(-len(block) // size))]
    return value, np.concatenate(drawn) if drawn else np.empty((0, len(value)))


def reversal(names: Sequence[str], value: np.ndarray, drawn: np.ndarray, confidence: float) -> str:
    """Whether the mean moved one way and scores within cells the other, both beyond their intervals."""
    change = resample.percentile_interval(drawn.sum(axis=1), confidence)
    within = resample.percentile_interval(drawn[:, len(names) - 2], confidence)
    if change[0] > 0 and within[1] < 0 or change[1] < 0 and within[0] > 0:
        rose = value.sum() > 0
        return f"Simpson's reversal: the mean {'rose' if rose else 'fell'} by {abs(value.sum()):.3g} while scores within cells " \
               f"{'fell' if rose else 'rose'}"
    return ""


def parts_table(names: Sequence[str], value: np.ndarray, drawn: np.ndarray | None, notes: dict[str, str], confidence: float,
                frames: tuple[pd.DataFrame, pd.DataFrame], reason: str, apart: float = math.nan) -> pd.DataFrame:
    """The parts as a tidy frame."""
    n_items, n_raters = (pd.concat([frame[c] for frame in frames]).nunique() for c in ("item_id", "rater_id"))
    rows = []
    for place, name in enumerate(names):
        low, high = (math.nan, math.nan) if drawn is None else resample.percentile_interval(drawn[:, place], confidence)
        flat = not high - low > 1e-12
        share = apart if name == APART else math.nan
        empty = name == APART and share == 0
        note = "every cell occurs in both periods" if empty else "interval has no width" if flat and not reason else ""
        rows.append({"part": name, "value": float(value[place]), "low": math.nan if flat or empty else low,
                     "high": math.nan if flat or empty else high, "share": share, "confidence": confidence,
                     "n_items": n_items, "n_raters": n_raters, "n_ratings": sum(map(len, frames)),
                     "note": join_notes(note, notes.get(name, ""), reason)})
    return pd.DataFrame(rows)
