"""Which system is best, and how sure that is: rankings under each rubric, and how far two rubrics rank alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.errors import ParameterError, one_of, share_of, whole_number
from workbench.estimates import MEASURES, estimate, estimates_table, join_notes
from workbench.rubric.pairing import INSTRUMENT, in_prompts, versions as known_versions
from workbench.rubric.preferred import ORDER, preference_standing
from workbench.rubric.simultaneous import deviations, kendall_set, rank_sets, told_above
from workbench.rubric.standing import NO_PROMPTS, Standing, scores_standing

if TYPE_CHECKING:
    from workbench.ratings import Ratings

COLUMNS = ("criterion", "rubric", "rubric_version", "system", "other")
METHOD = "multiplier bootstrap"
OF_DRAWS = "a share of draws: it has no interval of its own"
SIDES = {"A", "B", "TIE"}


def rank_systems(ratings: Ratings, *, versions: Sequence[str] | None = None, best: str = "high", severity: str = "kept",
                 cluster: str | None = None, confidence: float = 0.95, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Which system is best under each rubric, how sure is its rank, and would the other rubric name another winner?

    For each criterion and version, a row a system: `mean_score`, adjusted to the same prompts (additive model prompt + system); of
    preferences (labels A, B, tie) `strength`, log odds against an average system by Bradley, Terry and Davidson, and once `order_effect`,
    the log odds that being shown first adds. `rank`, 1 the best, with an interval that holds for all systems together: from 1 + systems
    told to be better to k - systems told to be worse. `leader_share`: share of draws in which the system leads. For each two versions,
    on the systems they share: `kendall_tau`, 1 the same order, 0 none, -1 reversed, with an interval from all pairs held together; and
    `leader_change`, the share of draws in which they name different leaders, at most what noise alone would do.

    versions: names in `versions`; default all. best: "high", or "low" where low scores are good. severity: "removed" adds raters to the
    model, where they are linked; "kept" says in `note` where systems had other raters. cluster: a column that holds whole prompts,
    such as a document, drawn in their stead. confidence, draws, seed: of the intervals. `other`: the version compared with.

    Undefined (nan, the reason in `note`): one system, one prompt; preferences that leave systems in groups never compared. Without
    prompt_id items are the sample and systems are not paired.
    Errors: `ParameterError` for an unknown version, option or column.
    Sources: Mogstad, Romano, Shaikh and Wilhelm (2024), doi:10.1093/restud/rdad006; Davidson (1970), doi:10.1080/01621459.1970.10481082;
    Davidson and Beaver (1977), doi:10.2307/2529466.

    >>> import pandas as pd, workbench as wb
    >>> scores = {"new": [4, 5, 5, 4, 5, 4], "old": [2, 3, 2, 3, 3, 2]}
    >>> ratings = wb.read(pd.DataFrame([(f"{s}{i}", f"p{i}", "ann", s, x) for s, xs in scores.items() for i, x in enumerate(xs)],
    ...                                columns=["item_id", "prompt_id", "rater_id", "system", "score"]))
    >>> table = rank_systems(ratings)
    >>> table[table["name"] == "rank"][["system", "value", "low", "high"]].values.tolist()
    [['new', 1.0, 1.0, 1.0], ['old', 2.0, 2.0, 2.0]]
    """
    one_of("best", best, ["high", "low"])
    one_of("severity", severity, ["kept", "removed"])
    share_of("confidence", confidence)
    whole_number("draws", draws, 2, "is too few. Use at least 2 draws; 2000 settle an end of an interval.")
    if cluster is not None:
        ratings.require(cluster)
    rows = in_prompts(ratings, *([cluster] if cluster else []))
    wanted = checked_versions(ratings, versions)
    found, options = {}, {"confidence": confidence, "draws": draws, "seed": seed}
    for key, part in rows[rows["version"].isin(wanted)].groupby(INSTRUMENT, sort=True):
        standing = standing_of(part, severity=severity, cluster=cluster)
        if best == "low" and isinstance(standing, Standing) and standing.name == "mean_score":
            standing = replace(standing, value=-standing.value, influence=-standing.influence)
        found[key] = part["version"].iloc[0], standing
    made = [row for key, (_, standing) in found.items() for row in system_rows(dict(zip(INSTRUMENT, key)), standing, best, **options)]
    for one, other in combinations(found, 2):
        sides = found[one][1], found[other][1]
        if one[0] == other[0] and all(isinstance(side, Standing) for side in sides):
            made += between_rows(dict(zip(INSTRUMENT, one)) | {"other": found[other][0]}, *sides, **options)
    nothing = dict.fromkeys(COLUMNS, "") | estimate("rank", math.nan, note="no rating that counts has a score or label")
    return ranked_table(made or [nothing])


def checked_versions(ratings: Ratings, wanted: Sequence[str] | None) -> list[str]:
    """The versions to rank under, all by default."""
    known = list(known_versions(ratings)["version"])
    if isinstance(wanted, str) or set(wanted or ()) - set(known):
        raise ParameterError(f"versions={wanted!r}: expected a list of names from the table of versions. Name some of "
                             f"{', '.join(map(repr, known))}.")
    return list(wanted or known)


def standing_of(rows: pd.DataFrame, *, severity: str = "kept", cluster: str | None = None,
                weight: pd.Series | None = None) -> Standing | str:
    """Where systems stand by the ratings of one criterion and version, or why that is undefined; `weight` of prompts by name."""
    if "system" not in rows:
        return "no system is named"
    labels = {str(label).upper() for label in rows["label"].dropna().unique()}
    judged_in_pairs = "system_b" in rows and rows["system_b"].notna().any() and labels and labels <= SIDES
    found = preference_standing(rows) if judged_in_pairs else scores_standing(rows, severity=severity, weight=weight)
    if isinstance(found, str):
        return found
    if "prompt_id" not in rows or rows["prompt_id"].isna().all():
        found = replace(found, note=NO_PROMPTS if found.name == "mean_score" else join_notes(NO_PROMPTS.split(",")[0], found.note))
    if cluster is None:
        return found
    block = rows.drop_duplicates("prompt").set_index("prompt")[cluster].astype(str).loc[found.prompt]
    code, blocks = pd.factorize(block)
    influence = np.column_stack([np.bincount(code, column, minlength=len(blocks)) for column in found.influence.T])
    if len(blocks) < 2:
        return f"only one {cluster} was rated: how values vary between them cannot be told"
    return replace(found, influence=influence, prompt=np.asarray(blocks), df=np.minimum(found.df, len(blocks) - 1))


def system_rows(key: dict[str, object], standing: Standing | str, best: str, *, confidence: float, draws: int,
                seed: int) -> Iterator[dict[str, object]]:
    """Value, rank and share of leads of each system."""
    if isinstance(standing, str):
        yield key | {"system": "", "other": ""} | estimate("rank", math.nan, note=standing)
        return
    se = np.sqrt(np.diag(standing.covariance))
    counts = standing.counts.to_dict("records")
    sign = -1 if best == "low" and standing.name == "mean_score" else 1
    ranked = np.flatnonzero(standing.systems != ORDER)
    for i, system in enumerate(standing.systems):
        ends = sorted(sign * end for end in resample.t_interval(standing.value[i], se[i], max(standing.df[i], 1), confidence))
        own, note = (standing.name, standing.note) if system != ORDER else ("order_effect", "")
        yield key | {"system": system if system != ORDER else "", "other": ""} | estimate(
            own, sign * standing.value[i], low=ends[0], high=ends[1], se=se[i], confidence=confidence, method="linearized",
            note=note) | counts[i]
    value, influence = standing.value[ranked], standing.influence[:, ranked]
    told = told_above(value, influence, standing.df[ranked], np.zeros(len(value)), confidence=confidence, draws=draws, seed=seed)
    leaders = (value + deviations(influence, draws=draws, seed=seed)).argmax(axis=1)
    leads = np.bincount(leaders, minlength=len(value)) / draws
    alike = np.ptp(value) == 0
    for i, (rank, low, high) in enumerate(zip(*rank_sets(value, told))):
        row = key | {"system": standing.systems[ranked[i]], "other": ""}
        yield row | estimate("rank", rank, low=low, high=high, confidence=confidence, method=METHOD, note=standing.note) | counts[ranked[i]]
        yield row | estimate("leader_share", math.nan if alike else leads[i], method=METHOD,
                             note="all systems have one value: none leads" if alike else OF_DRAWS) | counts[ranked[i]]


def between_rows(key: dict[str, object], one: Standing, other: Standing, *, confidence: float, draws: int,
                 seed: int) -> list[dict[str, object]]:
    """Likeness of the orders under two versions, on the systems they share, drawn together on the prompts they share."""
    common = [s for s in np.intersect1d(one.systems, other.systems) if s != ORDER]
    row = key | {"system": ""}
    if len(common) < 2:
        note = f"the versions share {len(common)} systems: their orders cannot be compared"
        return [row | estimate(name, math.nan, note=note) for name in ("kendall_tau", "leader_change")]
    places = [pd.Index(side.systems).get_indexer(common) for side in (one, other)]
    prompts, k = pd.Index(one.prompt).union(pd.Index(other.prompt)), len(common)
    influence = np.zeros((len(prompts), 2 * k))
    for i, (side, place) in enumerate(zip((one, other), places)):
        influence[prompts.get_indexer(side.prompt), i * k:(i + 1) * k] = side.influence[:, place]
    value = np.concatenate([one.value[places[0]], other.value[places[1]]])
    df = np.concatenate([one.df[places[0]], other.df[places[1]]])
    told = told_above(value, influence, df, np.repeat([0, 1], k), confidence=confidence, draws=draws, seed=seed)
    tau, low, high = kendall_set(value[:k], value[k:], told[:k, :k], told[k:, k:])
    drawn = value + deviations(influence, draws=draws, seed=seed)
    change = float(np.mean(drawn[:, :k].argmax(axis=1) != drawn[:, k:].argmax(axis=1)))
    whole = "" if k == len(set(one.systems) | set(other.systems)) - (ORDER in {*one.systems, *other.systems}) else \
        f"on the {k} systems that both versions rated"
    counts = {name: int(max(one.counts[name].sum(), other.counts[name].sum())) for name in ("n_items", "n_ratings")}
    return [row | estimate("kendall_tau", tau, low=low, high=high, confidence=confidence, method=METHOD, note=whole) | counts,
            row | estimate("leader_change", change, method=METHOD, note=join_notes(OF_DRAWS, whole)) | counts]


def ranked_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """The estimates table; a set that holds one rank, or one order, is kept: it says that all was told."""
    table = estimates_table(rows, by=COLUMNS)
    kept = table["name"].isin(["rank", "kendall_tau"]) & table["value"].notna()
    for column in ("low", "high", "note"):
        table.loc[kept, column] = [row[column] for row, whole in zip(rows, kept) if whole]
    return table[["name", *COLUMNS, *MEASURES]]
