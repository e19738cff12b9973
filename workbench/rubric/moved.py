"""Where ratings went: the same rater and item under the old and the new version, beside the same under one version twice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import share_of
from workbench.estimates import MEASURES, estimate, estimates_table, join_notes
from workbench.rubric.beside import LEVELS_DIFFER, same_side
from workbench.rubric.pairing import Bridge, bridges, chosen_pair
from workbench.rubric.rerated import NO_REPEATS, Again, flow_again, rerated
from workbench.rubric.symmetry import square_tests

if TYPE_CHECKING:
    from workbench.ratings import Ratings

FLOW = ["criterion", "from_level", "to_level", "n", "share", "rerated_n", "rerated_share"]
FURTHER = ["p", "df", "repeats"]
TESTS = ["stuart_maxwell", "bhapkar", "bowker"]
BEYOND = ["movement", "rerating", "beyond_rerating"]


def flow(ratings: Ratings, *, versions: Sequence[str] | None = None) -> pd.DataFrame:
    """To which level did ratings at each level go, when the same rater rated the same item under the new version?

    One row a criterion and pair of levels, in their order, those that never occur included (n = 0): n, and its share of the old level.
    Beside it the same for raters who rated an item twice under one version: rerated_n, each two ratings counted from both sides, and
    rerated_share; nan where nobody did or the versions have different levels.
    Criteria without a bridge set, and scales without levels, have no rows; `shift` says why.
    """
    pair, rows = chosen_pair(ratings, versions), []
    again = rerated(ratings, pair) if pair else {}
    for found in bridges(ratings, pair) if pair else []:
        if found.scales is None or found.both.empty or any(scale.name == "interval" for scale in found.scales):
            continue
        table, q = square(found), len(found.scales[0].levels)
        same = flow_again(again[found.criterion], q) if found.alike and found.criterion in again else None
        for i, j in np.ndindex(table.shape):
            row = {"criterion": found.criterion, "from_level": found.scales[0].levels[i], "to_level": found.scales[1].levels[j],
                   "n": int(table[i, j]), "share": table[i, j] / table[i].sum() if table[i].sum() else 0.0}
            known = same is not None and same[i].sum() > 0
            rows.append(row | {"rerated_n": 0 if same is None else int(same[i, j]),
                               "rerated_share": same[i, j] / same[i].sum() if known else math.nan})
    return pd.DataFrame(rows, columns=FLOW)


def shift(ratings: Ratings, *, versions: Sequence[str] | None = None, confidence: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Did the new version move the ratings that the same raters give the same items, and more than rating again does?

    For each criterion, on the bridge set: `mean_shift`, new less old in scores (below 0 the new version is stricter); `stuart_maxwell`
    and `bhapkar`, whether the levels are used as often as before, and `bowker`, whether as many ratings went from a level to another as
    came back. Then `movement`, the mean size of a rating's change in scores (of a nominal scale: the share that changed); `rerating`, the
    same of raters who rated an item twice under one version; and `beyond_rerating`, the first less the second: 0 where the new version
    moves ratings no more than rating again. Items (prompts, where known) are the sample, in the tests too: ratings of one move together.

    versions: old and new, by the names in `versions`. confidence: of the t intervals. seed: of the two halves of the bridge set that
    both must show a mean_shift for `repeats`. Nominal levels have no mean_shift. `p`, `df`: of the test of no change,
    which sizes have none of.
    Undefined (nan, the reason in `note`): as in `compare`; the three tests where the versions have different levels, no rating moved, or
    in fewer items than the test has directions; `rerating` where nobody rated an item twice. Errors: `ParameterError` for unknown versions.

    Sources: Stuart (1955), doi:10.1093/biomet/42.3-4.412; Maxwell (1970), doi:10.1192/bjp.116.535.651; Bhapkar (1966),
    doi:10.1080/01621459.1966.10502021; Bowker (1948), doi:10.1080/01621459.1948.10483284; by clusters, on two levels: Durkalski and
    others (2003), doi:10.1002/sim.1438.

    >>> import pandas as pd, workbench as wb
    >>> rows = [(f"i{i}", "ann", version, 1 + (i + (version == "2" and i % 3 == 0)) % 3) for i in range(12) for version in ("1", "2")]
    >>> ratings = wb.read(pd.DataFrame(rows, columns=["item_id", "rater_id", "rubric_version", "score"]))
    >>> shift(ratings)[["name", "value"]].round(3).values.tolist()[:2]
    [['mean_shift', 0.333], ['stuart_maxwell', 4.0]]
    """
    share_of("confidence", confidence)
    pair = chosen_pair(ratings, versions)
    again = rerated(ratings, pair) if pair else {}
    rows = [row for found in (bridges(ratings, pair) if pair else [])
            for row in shift_rows(found, again.get(found.criterion), confidence, seed)]
    table = estimates_table(rows, by=["criterion"]).reindex(columns=["name", "criterion", *MEASURES, *FURTHER])
    return table.astype({"p": "float64", "df": "float64"}).assign(repeats=table["repeats"].eq(True))


def shift_rows(found: Bridge, again: Again | None, confidence: float, seed: int) -> list[dict[str, object]]:
    """The rows of one criterion."""
    nominal = found.scales is not None and found.scales[0].name == "nominal"
    levelled = found.scales is None or found.scales[0].name != "interval"
    names = [*([] if nominal else ["mean_shift"]), *(TESTS if levelled else []), *BEYOND]
    counts = {"n_items": found.both["item_id"].nunique(), "n_raters": found.both["rater_id"].nunique(), "n_ratings": 2 * len(found.both)}
    base = {"criterion": found.criterion}
    if found.reason:
        return [base | estimate(name, math.nan, note=found.reason, **counts) for name in names]
    rows, block = [], found.both["block"].to_numpy()
    change = (found.both["score_new"] - found.both["score_old"]).to_numpy(dtype=float)
    old, new = (found.both[f"level_{side}"].to_numpy(dtype=float) for side in ("old", "new"))
    if not nominal:
        rows.append(mean_shift(change, block, confidence, seed))
        rows[-1]["note"] = join_notes(str(rows[-1]["note"]), "" if found.alike else LEVELS_DIFFER)
    if levelled and found.alike:
        rows += square_tests(old.astype(int), new.astype(int), block, len(found.scales[0].levels))
    elif levelled:
        rows += [estimate(name, math.nan, note=LEVELS_DIFFER) for name in TESTS]
    size = (old != new).astype(float) if nominal else np.abs(change)
    rows += movements(size, block, again, nominal, confidence) if found.alike else \
        [estimate(name, math.nan, note=LEVELS_DIFFER) for name in BEYOND]
    return [base | counts | row | {key: row[key] or counts[key] for key in counts} for row in rows]


def mean_shift(change: np.ndarray, block: np.ndarray, confidence: float, seed: int) -> dict[str, object]:
    """Mean of `change` (N,) with its linearised error over blocks; `repeats`: both random halves of the blocks show it by themselves."""
    terms = block_terms(change, block)
    half = np.random.default_rng(seed).permutation(len(terms)) % 2 == 0
    ends = [mean_interval(terms[part], confidence)[1:3] for part in (half, ~half)]
    return mean_row("mean_shift", terms, confidence) | {"repeats": same_side(ends)}


def movements(size: np.ndarray, block: np.ndarray, again: Again | None, nominal: bool, confidence: float) -> list[dict[str, object]]:
    """Mean size of the changes `size` (N,), of re-ratings, and the first less the second; the two as samples of their own."""
    rows = [mean_row("movement", terms := block_terms(size, block), confidence)]
    if again is None:
        return [untested(rows[0]), *(estimate(name, math.nan, note=NO_REPEATS) for name in BEYOND[1:])]
    kept = (again.levels >= 0).all(axis=1) if nominal else np.isfinite(again.scores).all(axis=1)
    pair = (again.levels if nominal else again.scores)[kept]
    own = (pair[:, 0] != pair[:, 1]).astype(float) if nominal else np.abs(pair[:, 0] - pair[:, 1])
    seen = block_terms(own, again.unit[kept])
    counts = {"n_items": len(seen), "n_raters": len(set(again.rater[kept])), "n_ratings": len(own)}
    rows.append(mean_row("rerating", seen, confidence) | counts)
    sides = [mean_interval(part, confidence) for part in (terms, seen)]
    value, se = sides[0][0] - sides[1][0], math.hypot(sides[0][3], sides[1][3])
    spread = [side[3] ** 4 / max(len(part) - 1, 1) for side, part in zip(sides, (terms, seen))]
    df = se**4 / sum(spread) if sum(spread) > 0 else math.nan
    return [*map(untested, rows), told("beyond_rerating", value, se, df, confidence)]


def block_terms(change: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Sum and count (blocks, 2) of `change` (N,) in each block."""
    return resample.merge(np.column_stack([change, np.ones(len(change))]), np.ones(len(change)), block)[0]


def mean_row(name: str, terms: np.ndarray, confidence: float) -> dict[str, object]:
    """The mean of blocks' `terms` as a row."""
    value, _, _, se = mean_interval(terms, confidence)
    return told(name, value, se, float(len(terms) - 1), confidence)


def told(name: str, value: float, se: float, df: float, confidence: float) -> dict[str, object]:
    """A row with a t interval and the test of 0."""
    from scipy.special import stdtr

    low, high = resample.t_interval(value, se, max(df, 1), confidence)
    p = 2 * float(stdtr(max(df, 1), -abs(value / se))) if se > 0 else math.nan
    return estimate(name, value, low=low, high=high, se=se, confidence=confidence, method="linearized") | {"p": p, "df": df}


def untested(row: dict[str, object]) -> dict[str, object]:
    """The row of a size, of which nobody asks whether it is 0."""
    return row | {"p": math.nan}


def mean_interval(terms: np.ndarray, confidence: float) -> tuple[float, float, float, float]:
    """Mean, low, high, standard error from (blocks, 2): sum and count of each block."""
    weight = np.ones(len(terms))
    value = float(resample.value(mean_formula, terms.sum(axis=0)))
    se = resample.linearized(mean_formula, terms, weight)
    return value, *resample.t_interval(value, se, max(len(terms) - 1, 1), confidence), se


def mean_formula(totals: np.ndarray) -> np.ndarray:
    """Sum over count."""
    return totals[..., 0] / totals[..., 1]


def square(found: Bridge) -> np.ndarray:
    """Counts (q_old, q_new) of the bridge set's ratings by old and new level."""
    table = np.zeros(tuple(len(scale.levels) for scale in found.scales), dtype=int)
    np.add.at(table, (found.both["level_old"].to_numpy(dtype=int), found.both["level_new"].to_numpy(dtype=int)), 1)
    return table
