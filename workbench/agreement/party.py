"""A scorecard for one party: its raters beside all others, as if both had rated the same mix of tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import resample
from workbench.agreement.krippendorff import krippendorff_alpha
from workbench.agreement.rare import WIDENED
from workbench.errors import ParameterError, columns_of, examples
from workbench.estimates import SUCH_RATERS, estimate, estimates_table, join_notes

if TYPE_CHECKING:
    from workbench.ratings import Ratings

FEWEST = 10     # items rated twice that a stratum needs from both sides
Key = tuple[object, ...]


def scorecard(ratings: Ratings, *, party: str, by: Sequence[str] | None = None, mix: Sequence[str] | None = None,
              confidence: float = 0.95, cluster: str | None = None) -> pd.DataFrame:
    """How does one party's panel stand beside the others', once both are weighed to the same mix of tasks? Five rows a group.

    `alpha_party`, `alpha_others`: Krippendorff's alpha among the party's own raters, and among all other raters pooled: the mean
    over strata of the `mix`, each weighed by its share of all items (direct standardisation). `alpha_difference`: the first less
    the second; above 0, the party agrees better. `alpha_unadjusted`: the mean of the party's same strata by its own shares of them,
    so that it differs from `alpha_party` by the mix alone.
    `leniency`: the mean, over items that both rated, of the party's mean score less the others'; above 0, the party scores higher.
    It is about such raters: its error is clustered by rater and by item, with Satterthwaite's degrees of freedom.

    `party`: one value of the column `party`; others are never named. `by`: columns that make groups; None takes those that keep
    scales apart. `mix`: columns whose combinations are the strata; None takes `task_type` and `rubric_version` where the data have
    them, for a better rubric is not a better party.
    `confidence`, `cluster`: as in `krippendorff_alpha`; with a cluster, leniency counts clusters.

    Strata where either side has fewer than 10 items rated twice cannot be compared: they are left out of both sides, and `note`
    gives their share of the items. The interval of the difference takes the sides as independent, which is too wide where they rate
    the same items. Undefined (nan, reason in `note`): no stratum to compare; leniency of nominal levels, or without a common item. No
    interval: a stratum whose own alpha has none; leniency with one rater on a side, who cannot stand for others.
    Errors: `ParameterError` for a party that is not in the data, or data without parties.

    Sources: direct standardisation: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, ch. 19; two-way
    clusters: Cameron, Gelbach and Miller (2011), doi:10.1198/jbes.2010.07136.

    >>> import numpy as np, pandas as pd, workbench as wb
    >>> truth = np.tile([1.0, 2.0, 3.0], 20)
    >>> frame = pd.concat([pd.DataFrame({"item_id": range(60), "rater_id": who, "party": side, "score": truth + add})
    ...                    for who, side, add in (("a", "x", 0), ("b", "x", 0), ("c", "y", 1), ("d", "y", 1))])
    >>> scorecard(wb.read(frame), party="x").set_index("name")["value"][["alpha_party", "alpha_difference", "leniency"]].tolist()
    [1.0, 0.0, -1.0]
    """
    from workbench.reduce import count_by, instrument

    by = instrument(ratings) if by is None else list(columns_of(by))
    known = sorted(count_by(ratings, by=[*by, "party"])["party"].dropna().unique().tolist())
    if party not in known:
        raise ParameterError(f"party={party!r} has no rating that counts in {ratings.source.name}. Its parties are: "
                             f"{examples([repr(p) for p in known]) if known else 'none; the column party says whose rater it was'}.")
    mix = [c for c in ("task_type", "rubric_version") if c not in ratings.missing and c not in by] if mix is None else \
        list(columns_of(mix, name="mix"))
    others = [*(p for p in known if p != party), None]
    options = {"confidence": confidence, "cluster": cluster}
    own, rest = (krippendorff_alpha(ratings.where(party=who), by=[*by, *mix], **options) for who in (party, others))
    shares, own_shares = (count_by(some, by=[*by, *mix]) for some in (ratings, ratings.where(party=party)))
    whole, around = (keyed(krippendorff_alpha(ratings.where(party=who), by=by, **options), by) for who in (party, others))
    leniencies = _leniencies(ratings, party, by, confidence, cluster)
    rows = []
    for key, row in whole.items():
        named = dict(zip(by, key))
        sizes = [int(side[key]["n_raters"]) if key in side else 0 for side in (whole, around)]
        rows += [{**named, **each} for each in
                 _standardised(*(_of(table, named) for table in (own, rest, shares, own_shares)), mix, sizes, confidence)]
        rows.append({**named, **leniencies.get(key, estimate("leniency", math.nan, note="no item that both rated"))})
    return estimates_table([{**row, "party": party} for row in rows], by=[*by, "party"])


def keyed(table: pd.DataFrame, by: Sequence[str]) -> dict[Key, dict[str, object]]:
    """The rows of a table by the values of `by`, None where they are missing."""
    return {tuple(None if row[c] != row[c] else row[c] for c in by): row for row in table.to_dict("records")}


def _of(table: pd.DataFrame, named: dict[str, object]) -> pd.DataFrame:
    """The rows of one group."""
    for column, value in named.items():
        table = table[table[column].isna() if value is None else table[column] == value]
    return table


def standardised(values: np.ndarray, errors: np.ndarray, share: np.ndarray) -> tuple[float, float]:
    """Mean over strata by `share`, and its standard error, from those (S,) of the strata; nan without one."""
    weight = share / share.sum() if len(share) else share
    return (float(weight @ values), float(np.sqrt(weight**2 @ errors**2))) if len(share) else (math.nan, math.nan)


def unsure(side: dict[Key, dict[str, object]], common: Sequence[Key]) -> str:
    """The strata where a side's alpha has a value and no error, by name; "" without one."""
    names = [" ".join(map(str, key)) or "all items" for key in common if not side[key]["se"] > 0]
    return f"alpha has no error on {examples(names)}: no interval" if names else ""


def _standardised(own: pd.DataFrame, rest: pd.DataFrame, shares: pd.DataFrame, own_shares: pd.DataFrame, mix: Sequence[str],
                  n_raters: Sequence[int], confidence: float) -> list[dict[str, object]]:
    """Four rows of one group: both sides over their common strata, the difference, and the party on its own mix."""
    sides, share = (keyed(own, mix), keyed(rest, mix)), {key: row["n_items"] for key, row in keyed(shares, mix).items()}
    common = [key for key in share if all(_enough(side.get(key)) for side in sides)]
    size = np.array([share[key] for key in common], dtype=float)
    left_out = 1 - size.sum() / max(sum(share.values()), 1)
    note = "no stratum where both have 10 items rated twice" if not common else \
        f"{100 * left_out:.0f} % of items lie where not both have {FEWEST} items rated twice: left out" if left_out else ""
    own_size = np.array([keyed(own_shares, mix)[key]["n_items"] for key in common], dtype=float)
    rows = []
    for name, side, raters, weight in zip(("alpha_party", "alpha_others", "alpha_unadjusted"), (*sides, sides[0]),
                                          (*n_raters, n_raters[0]), (size, size, own_size)):
        values, errors = np.array([(side[key]["value"], error_of(side[key], confidence)) for key in common]).reshape(-1, 2).T
        counts = {c: int(sum(side[key][c] for key in common)) for c in ("n_items", "n_ratings", "n_dropped")}
        rows.append(_row(name, *standardised(values, errors, weight), counts["n_items"] - len(common), confidence,
                         note=join_notes(unsure(side, common), note), n_raters=raters, **counts))
    first, second = rows[:2]
    counts = {c: first[c] + second[c] for c in ("n_items", "n_raters", "n_ratings", "n_dropped")}
    difference = _row("alpha_difference", first["value"] - second["value"], math.hypot(first["se"], second["se"]),
                      min(first["n_items"], second["n_items"]) - len(common), confidence,
                      note=join_notes(first["note"], second["note"]), **counts)
    return [*rows[:2], difference, rows[2]]


def error_of(row: dict[str, object], confidence: float) -> float:
    """The standard error of a stratum's alpha; where its interval was widened, the one that such an interval stands for."""
    from scipy.special import stdtrit

    reach = (row["high"] - row["low"]) / 2 / stdtrit(row["n_items"] - 1, (1 + confidence) / 2)
    return max(row["se"], reach) if WIDENED in row["note"] else row["se"]


def _enough(row: dict[str, object] | None) -> bool:
    """Whether a stratum has an alpha of enough items."""
    return row is not None and row["n_items"] >= FEWEST and not math.isnan(row["value"])


def _row(name: str, value: float, se: float, df: float, confidence: float, **measures: object) -> dict[str, object]:
    """A row with its t interval; none where the error is unknown or 0."""
    row = estimate(name, value, **measures)
    if not se > 0 or df < 1:
        return row if math.isnan(value) or math.isnan(se) else row | {"note": join_notes("no spread: no interval", str(row["note"]))}
    low, high = resample.t_interval(value, se, df, confidence)
    high = min(high, 1.0) if name in ("alpha_party", "alpha_others", "alpha_unadjusted") else high
    return row | {"low": low, "high": high, "se": se, "confidence": confidence, "method": "linearized"}


def _leniencies(ratings: Ratings, party: str, by: Sequence[str], confidence: float, cluster: str | None) -> dict[Key, dict[str, object]]:
    """The leniency row of each group, from the items that both sides rated."""
    from workbench.reduce import cells, facts

    nominal = {criterion for (_, _, criterion), scale in facts(ratings).scales.items() if scale.name == "nominal"}
    table = cells(ratings, by=by, extra=["party"], cluster=cluster)
    table["own"] = (table["party"] == party).fillna(False)
    rows = {}
    for key, group in (table.groupby(list(by), dropna=False) if by else [((), table)]):
        key = tuple(None if part != part else part for part in key)
        if set(group["criterion"]) & nominal:
            rows[key] = estimate("leniency", math.nan, note="nominal levels have no order")
            continue
        means = group.groupby(["unit", "own"])["score"].mean().unstack()
        both = means.dropna() if means.shape[1] == 2 else means.iloc[:0]
        units = group[group["unit"].isin(both.index)]
        value = float((both[True] - both[False]).mean()) if len(both) else math.nan
        place = units[cluster].fillna(units["unit"]) if cluster else units["unit"]
        se, df, note = leniency_error(units, both, value, place.to_numpy()) if len(both) else (math.nan, 0.0, "no item that both rated")
        rows[key] = _row("leniency", value, se, df, confidence, n_items=len(both), n_raters=units["rater_id"].nunique(),
                         n_ratings=len(units), n_dropped=len(group) - len(units), note=note, estimand=SUCH_RATERS)
    return rows


def leniency_error(units: pd.DataFrame, means: pd.DataFrame, value: float, place: np.ndarray) -> tuple[float, float, str]:
    """Standard error of the mean gap over such raters, its degrees of freedom, and why there is none.

    units: the ratings of items that both sides rated; means: of each item and side; place: the ratings' items or clusters. A rating
    pulls at the gap by its distance from the other side's mean of the item, less the gap, over the ratings of its side. Summed by item,
    and by rater, their squares give two variances, which share that of the cells (Cameron, Gelbach and Miller 2011).
    """
    side, rater = units["own"].to_numpy(dtype=bool), units["rater_id"].to_numpy()
    n = [len(pd.unique(rater[side == own])) for own in (True, False)]
    if min(n) < 2 or len(pd.unique(place)) < 2:
        return math.nan, 0.0, "one item: no interval" if min(n) > 1 else "one rater on a side, who cannot stand for others: no interval"
    other = np.where(side, *(means[own].reindex(units["unit"]).to_numpy() for own in (False, True)))
    pull = np.where(side, 1, -1) * (units["score"].to_numpy(dtype=float) - other) - value
    pull = pd.Series(pull / units.groupby(["unit", "own"])["score"].transform("size").to_numpy() / len(means))
    of_item, items = (pull[side].groupby(place[side]).sum() ** 2).sum(), len(pd.unique(place))
    of_item *= items / (items - 1)
    of_rater = [m / (m - 1) * (pull[side == own].groupby(rater[side == own]).sum() ** 2).sum() for own, m in zip((True, False), n)]
    shared = (pull.groupby([side, rater, place]).sum() ** 2).sum()
    if sum(of_rater) <= shared:
        return math.sqrt(of_item), items - 1, ""
    variance = of_item + sum(of_rater) - shared
    return math.sqrt(variance), variance**2 / (of_item**2 / (items - 1) + sum(v**2 / (m - 1) for v, m in zip(of_rater, n))), ""
