"""What a rater or a rubric version adds to a score, whatever was rated: from shared items and from the bridge set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.agreement.traits import severities
from workbench.errors import ParameterError

MAX_RATERS = 3_000       # a table of raters by raters is solved
FEWEST_BRIDGED = 10      # items of the bridge set, below which it tells nothing


@dataclass(frozen=True)
class Effect:
    """An effect a level (J,) of one column, and how it moves with the weights of the drawn items (N,).

    name: of the part. code (R,): each rating's level, or -1 where its effect is unknown. note: what is to be said of it.
    """

    name: str
    code: np.ndarray
    value: np.ndarray
    above: object       # (N, J) what an item adds to the numerator or normal equations
    below: np.ndarray   # (N,) bridge pairs, or (J, J) the inverse of the normal equations
    note: str = ""

    def drawn(self, weight: np.ndarray) -> np.ndarray:
        """The effects (draws, J) under other weights of the items (draws, N): a ratio, or one step of Newton's."""
        moved = np.asarray(weight @ self.above)
        if self.below.ndim == 2:
            return self.value + moved @ self.below
        with np.errstate(divide="ignore", invalid="ignore"):
            return moved / (weight @ self.below)[:, None]


def rater_effect(frame: pd.DataFrame, drawn: np.ndarray, n: int) -> Effect:
    """Raters' severities, linked through the items they share: least squares of score = unit + rater over both periods.

    Raters outside the largest set of linked ones have no place on its scale: code -1.
    """
    from scipy.sparse import csr_array, diags_array
    from scipy.sparse.csgraph import connected_components

    rater, names = frame["rater_id"].factorize()
    m = len(names)
    if m > MAX_RATERS:
        raise ParameterError(f"by names rater_id, of which there are {m:,}: up to {MAX_RATERS:,} can be compared. Leave it out of by, "
                             "or name a column that groups raters, such as party.")
    unit = frame.groupby([c for c in ("item_id", "step", "criterion", "rubric_version") if c in frame], dropna=False).ngroup().to_numpy()
    score = frame["score"].to_numpy(dtype=float)
    seen = csr_array((np.ones(len(frame)), (unit, rater)), shape=(int(unit.max()) + 1, m))
    inner = 1 / np.maximum(np.bincount(unit), 1)
    laplacian = (diags_array(np.bincount(rater, minlength=m).astype(float)) - seen.T @ diags_array(inner) @ seen).toarray()
    sets = connected_components(csr_array(laplacian), directed=False)[1]
    main = np.bincount(sets[rater]).argmax()
    value = severities(unit, rater, score)
    value = np.where(sets == main, value - np.average(value[rater], weights=sets[rater] == main), 0.0)
    free = score - value[rater]
    left = free - (np.bincount(unit, free) * inner)[unit]
    joined = laplacian + np.equal.outer(sets, sets) / np.bincount(sets)[sets]
    outside = float((sets[rater] != main).mean())
    note = f"{outside:.0%} of ratings are by raters who share no item with the rest" if outside else ""
    inverse = np.linalg.inv(joined) * np.equal.outer(sets == main, sets == main)
    above = csr_array((left, (drawn, rater)), shape=(n, m))
    return Effect("mix of rater_id", np.where(sets[rater] == main, rater, -1), value, above, inverse, note)


def bridge_pairs(frame: pd.DataFrame, versions: Sequence[str]) -> pd.DataFrame:
    """What the same rater gave the same item under the second version less under the first: `_drawn`, `more`."""
    keys = [c for c in ("item_id", "step", "criterion") if c in frame] + ["rater_id"]
    alike = frame.assign(step=frame["step"].astype("float64")) if "step" in frame else frame
    one, two = (alike[alike["rubric_version"] == v].drop_duplicates(keys)[[*keys, "_drawn", "score"]] for v in versions)
    both = one.merge(two.drop(columns="_drawn"), on=keys, suffixes=("", "_later"))
    return both.assign(more=both["score_later"] - both["score"])[["_drawn", "more"]]


def rubric_effect(frame: pd.DataFrame, pairs: pd.DataFrame, items: pd.Index, versions: Sequence[str]) -> Effect | str:
    """What the later rubric version adds to a score, from the bridge set; in words why that is not known.

    Taken to be the same in all cells. The two versions must be on one scale.
    """
    from scipy.sparse import csr_array

    if len(versions) > 2:
        return f"{len(versions)} rubric versions: compare two at a time"
    n = pairs["_drawn"].nunique()
    if n < FEWEST_BRIDGED:
        return f"a bridge set of {n} items, fewer than {FEWEST_BRIDGED}" if n else \
            "no bridge set: no rater rated an item under both versions"
    place, more = items.get_indexer(pairs["_drawn"]), pairs["more"].to_numpy(dtype=float)
    above = csr_array((more, (place, np.ones(len(pairs), int))), shape=(len(items), 2))
    code = (frame["rubric_version"] == versions[1]).to_numpy().astype(int)
    return Effect("rubric version", code, np.array([0.0, more.mean()]), above, np.bincount(place, minlength=len(items)).astype(float),
                  f"from a bridge set of {n} items")
