"""Items whose overall verdict the criteria do not account for: where a rubric has a hole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import share_of
from workbench.resample import false_discovery
from workbench.rubric.covered import predicted
from workbench.rubric.pairing import in_prompts
from workbench.rubric.ranks import checked_versions

if TYPE_CHECKING:
    from workbench.ratings import Ratings

COLUMNS = ["rubric", "rubric_version", "item_id", "step", "value", "expected", "excess", "low", "high", "p", "q", "n_ratings", "note"]
MEDIAN = 0.4549      # of a chi-square with one degree of freedom
ONE_RATING = "no item has two ratings on all criteria: what is a hole cannot be told from noise"


def underrepresented(ratings: Ratings, *, overall: str = "overall", versions: Sequence[str] | None = None, confidence: float = 0.95,
                     seed: int = 0) -> pd.DataFrame:
    """On which items do experts' overall verdicts say something that the criteria do not?

    Construct under-representation (Messick 1995, doi:10.1037/0003-066X.50.9.741). One row an item and version, the surest first: `value`
    its mean overall, `expected` from its criteria by a ridge regression on other prompts, `excess` value less expected, with an
    interval and `p` from how far raters of one item part in that difference (pooled over items, t) and from what is left on a typical
    item (its median: noise in the criteria flattens the regression for all), and `q`, Benjamini and Hochberg's (1995) over the items of a
    version. Above 0 the verdict is better than the criteria say.

    overall: the criterion that holds the verdict. versions: names in `versions`; default all. Ratings that lack a criterion are left out.
    Undefined: without an item rated twice p and q are nan and `note` says so; a version without the criterion, with no other, or with
    under 20 items has one row without an item, and the reason. Errors: `ParameterError` for an unknown version.
    """
    share_of("confidence", confidence)
    rows = in_prompts(ratings)
    wanted, made = checked_versions(ratings, versions), []
    for (rubric, version), part in rows[rows["version"].isin(wanted)].groupby(["rubric", "rubric_version"], sort=True):
        table, found = predicted(part, overall, seed)
        frame = pd.DataFrame({"note": [found]}) if isinstance(found, str) else tested(table, found, confidence)
        made.append(frame.assign(rubric=rubric, rubric_version=version))
    numbers = {c: "float64" for c in ("value", "expected", "excess", "low", "high", "p", "q", "n_ratings")}
    return pd.concat(made, ignore_index=True).reindex(columns=COLUMNS).astype(numbers) if made else pd.DataFrame(columns=COLUMNS)


def tested(table: pd.DataFrame, found: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Each item's mean of `left` against the raters' pooled variance about it and that of a typical item's own."""
    from scipy.special import stdtr, stdtrit

    n = np.bincount(table["item"])
    left = np.bincount(table["item"], table["left"]) / n
    df = len(table) - len(n)
    frame = found.assign(step=found["step"].where(found["step"] >= 0), excess=left, n_ratings=n, note="").drop(columns=["prompt", "mean"])
    squares = float(((table["left"] - left[table["item"]]) ** 2).sum())
    if df < 1 or not squares > 0:
        return frame.assign(note=ONE_RATING).sort_values("excess", key=np.abs, ascending=False, kind="stable")
    noise = squares / df / n
    se = np.sqrt(noise + max(np.median(left**2) / MEDIAN - np.median(noise), 0.0))
    reach = stdtrit(df, (1 + confidence) / 2) * se
    p = 2 * stdtr(df, -np.abs(left / se))
    frame = frame.assign(low=left - reach, high=left + reach, p=p, q=false_discovery(p))
    return frame.assign(_sure=np.abs(left / se)).sort_values("_sure", ascending=False, kind="stable").drop(columns="_sure")
