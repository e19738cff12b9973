"""Which two versions are compared, and their bridge set: ratings of the same item by the same rater under both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError
from workbench.reduce import cells, facts
from workbench.reduce.collect import remembered
from workbench.rubric.wording import successions

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings

INSTRUMENT = ["criterion", "rubric", "rubric_version"]
CARRIED = ("prompt_id", "rated_at", "system", "system_b", "shown_first", "task_type", "seconds")
NO_SECOND = "fewer than two rubric versions have ratings: there is nothing to compare"
NOT_SHARED = "rated under one of the two versions only"
NO_BRIDGE = "no bridge set: no item was rated under both versions; have the same raters rate some 100 items under both"
OTHER_RATERS = ("no bridge set of the same raters: {n:,} items were rated under both versions, but by different raters; a difference "
                "cannot be told from the rater pool; have some raters rate items under both")
FEW = "bridge set too small: it has {n} items; have the same raters rate some 100 items under both"
FEWEST = 10


@dataclass(frozen=True)
class Bridge:
    """One criterion under two versions.

    both: ratings of an item by a rater under both: item_id, rater_id, unit (code of the
    item, or step), level_old, level_new, score_old, score_new, block (code of what is
    drawn as one: the prompt where known, else the item). reason: why the two cannot be compared, "" if they can. alike: whether
    scale and levels are the same.
    """

    criterion: str
    both: pd.DataFrame
    scales: tuple[Scale, Scale] | None
    n_shared: int
    reason: str

    @property
    def alike(self) -> bool:
        """Whether the two versions have one scale with one set of levels."""
        old, new = self.scales or (None, None)
        return old is not None and (old.name, old.levels, old.values) == (new.name, new.levels, new.values)


def versions(ratings: Ratings) -> pd.DataFrame:
    """Under which instruments were ratings given, and when?

    One row a rubric and version, oldest first: `version` (its name here: the version, with the rubric before it where several occur),
    rubric, rubric_version, first, last (missing without times), n_criteria, n_items, n_raters, n_ratings.
    """
    return remembered(ratings, ("rubric versions",), lambda: found_versions(paired_cells(ratings))).copy()


def found_versions(rows: pd.DataFrame) -> pd.DataFrame:
    """`versions` of these ratings."""
    several = rows["rubric"].nunique() > 1
    rows = rows.assign(version=rows["rubric"] + " " + rows["rubric_version"] if several else rows["rubric_version"])
    if "rated_at" not in rows:
        rows = rows.assign(rated_at=pd.NaT)
    table = rows.groupby(["version", "rubric", "rubric_version"]).agg(
        first=("rated_at", "min"), last=("rated_at", "max"), n_criteria=("criterion", "nunique"), n_items=("item_id", "nunique"),
        n_raters=("rater_id", "nunique"), n_ratings=("item_id", "size")).reset_index()
    return table.sort_values(["first", "version"], kind="stable").reset_index(drop=True)


def paired_cells(ratings: Ratings, *also: str) -> pd.DataFrame:
    """The panel's ratings, versions apart, with the columns `also` where these are there; kept in memory for the functions of one page."""
    wanted = [c for c in dict.fromkeys((*CARRIED, *also)) if c not in ratings.missing]
    return remembered(ratings, ("rubric cells", *also), lambda: cells(ratings, by=INSTRUMENT, extra=wanted))


def in_prompts(ratings: Ratings, *also: str) -> pd.DataFrame:
    """`paired_cells` with `version` (its name in `versions`), `label` (its level's name), `prompt` (a code of prompt_id, else of
    item_id); no step is -1.

    Levels of a nominal scale have no order, so that they lose their scores; two levels keep them, whose mean is a share.
    """
    return remembered(ratings, ("rubric prompts", *also), lambda: with_prompts(ratings, *also))


def with_prompts(ratings: Ratings, *also: str) -> pd.DataFrame:
    """The same, made anew."""
    rows, scales = paired_cells(ratings, *also), facts(ratings).scales
    name = {(r.rubric, r.rubric_version): r.version for r in versions(ratings).itertuples()}
    keys, asked = rows.groupby(INSTRUMENT, sort=False).ngroup().to_numpy(), rows["item_id"].astype(object)
    if "prompt_id" in rows:
        asked = rows["prompt_id"].astype(object).where(rows["prompt_id"].notna(), asked)
    label, version = np.full((2, len(rows)), None, dtype=object)
    score = rows["score"].to_numpy(dtype=float, copy=True)
    for place in (np.flatnonzero(keys == k) for k in range(keys.max(initial=-1) + 1)):
        criterion, *instrument = rows[INSTRUMENT].iloc[place[0]]
        scale, version[place] = scales[*instrument, criterion], name[tuple(instrument)]
        if scale.levels:
            level = rows["level"].to_numpy(dtype=float, na_value=np.nan)[place]
            known = ~np.isnan(level)
            label[place[known]] = np.array(scale.levels, dtype=object)[level[known].astype(int)]
        if scale.name == "nominal" and len(scale.levels) > 2:
            score[place] = np.nan
    return rows.assign(prompt=pd.factorize(asked)[0], version=version, label=label, score=score, step=rows["step"].fillna(-1).astype(int))


def chosen_pair(ratings: Ratings, wanted: Sequence[str] | None) -> tuple[str, str] | None:
    """The two versions to compare, old and new, by the names that `versions` gives them; None where only one occurs.

    Unless asked for: the newest version of a rubric with the one its file says it came from; without files the two under which the same
    raters rated most of the same items, else the two that share most items, else the last two; of two rubrics only if none has two.
    """
    table = versions(ratings)
    if wanted:
        unknown = [v for v in wanted if v not in set(table["version"])]
        if len(wanted) != 2 or unknown:
            raise ParameterError(f"versions={list(wanted)!r}: name two of {', '.join(map(repr, table['version']))}.")
        return wanted[0], wanted[1]
    if len(table) < 2:
        return None
    name = {(r.rubric, r.rubric_version): r.version for r in table.itertuples()}
    known = [(name.get((o.name, o.version)), name.get((n.name, n.version))) for o, n in successions(ratings.rubrics)]
    known = [pair for pair in known if None not in pair]
    if known:
        return known[-1]
    kin = table[table.duplicated("rubric", keep=False)]     # versions of one rubric before those of different ones
    table = kin if len(kin) else table
    rows, order = paired_cells(ratings), list(table["version"])
    rows = rows[rows["rubric"].isin(table["rubric"])]
    item = rows.groupby(["criterion", "item_id"], sort=False).ngroup()
    label = pd.Series([name[key] for key in zip(rows["rubric"], rows["rubric_version"])], index=rows.index)
    by_rater = rows.groupby([item, rows["rater_id"]], sort=False).ngroup()
    own = table["rubric"].to_numpy()
    apart = (own[:, None] != own) & bool(len(kin))
    return most_shared(by_rater, label, order, apart) or most_shared(item, label, order, apart) or \
        next((order[-1 - k], order[-1]) for k in range(1, len(order)) if not apart[-1 - k, -1])


def most_shared(thing: pd.Series, version: pd.Series, order: list[str], apart: np.ndarray) -> tuple[str, str] | None:
    """The two versions, not `apart`, under which most of the same things were rated, the older first; None where no two share any."""
    from scipy.sparse import csr_array

    rows, columns = pd.factorize(thing)[0], pd.Categorical(version, categories=order).codes
    seen = csr_array((np.ones(len(rows)), (rows, columns)), shape=(rows.max(initial=-1) + 1, len(order))).astype(bool).astype(int)
    shared = np.triu((seen.T @ seen).toarray() * ~apart, 1)
    old, new = np.unravel_index(shared.argmax(), shared.shape)
    return (order[old], order[new]) if shared.any() else None


def bridges(ratings: Ratings, pair: tuple[str, str]) -> list[Bridge]:
    """For each criterion that occurs under either version its bridge set, or why there is none."""
    return remembered(ratings, ("rubric bridges", *pair), lambda: found_bridges(ratings, pair))


def found_bridges(ratings: Ratings, pair: tuple[str, str]) -> list[Bridge]:
    """The same, sought anew."""
    table = versions(ratings).set_index("version")
    rows, keys = paired_cells(ratings), [tuple(table.loc[v, ["rubric", "rubric_version"]]) for v in pair]
    wanted = [c for c in ("criterion", "item_id", "step", "rater_id", "level", "score", "prompt_id") if c in rows]
    old, new = (rows.loc[(rows["rubric"] == rubric) & (rows["rubric_version"] == version), wanted] for rubric, version in keys)
    scales, found = facts(ratings).scales, []
    for criterion in sorted({*old["criterion"].unique(), *new["criterion"].unique()}):
        a, b = old[old["criterion"] == criterion], new[new["criterion"] == criterion]
        own = (scales[*keys[0], criterion], scales[*keys[1], criterion]) if len(a) and len(b) else None
        found.append(bridge(criterion, a, b, own))
    return found


def bridge(criterion: str, old: pd.DataFrame, new: pd.DataFrame, scales: tuple[Scale, Scale] | None) -> Bridge:
    """The bridge set of one criterion from its ratings under the old and the new version."""
    a, b = (part.assign(step=part["step"].fillna(-1).astype(int)) for part in (old, new))
    both = a.merge(b, on=["item_id", "step", "rater_id"], suffixes=("_old", "_new"))
    both["block"] = pd.factorize(both["prompt_id_old"].astype("object").where(both["prompt_id_old"].notna(), both["item_id"])
                                 if "prompt_id_old" in both else both["item_id"])[0]
    both["unit"] = both.groupby(["item_id", "step"], sort=False).ngroup()
    shared = len(a[["item_id", "step"]].drop_duplicates().merge(b[["item_id", "step"]].drop_duplicates()))
    items = both["unit"].nunique()
    reason = NOT_SHARED if scales is None else NO_BRIDGE if not shared else OTHER_RATERS.format(n=shared) if not items \
        else FEW.format(n=items) if items < FEWEST else ""
    return Bridge(criterion, both, scales, shared, reason)
